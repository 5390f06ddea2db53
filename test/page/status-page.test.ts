// The status page in a real browser, before a real nginx that knows nodes.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { until } from "../../toolchain/until.mjs";
import { ask } from "../behaviour/harness/client.ts";
import { Balancer } from "../behaviour/harness/balancer.ts";
import { clients } from "../router/harness/clients.ts";
import { RoutedMesh } from "../router/harness/routed-mesh.ts";
import { figure, inSeconds } from "../support/report/figure.ts";
import { lacking } from "../support/needs.ts";
import { chromiumPath } from "./browser.ts";

const executablePath = chromiumPath();
const why =
  lacking("OLLAMA_MESH_NGINX_IMAGE") ??
  (executablePath ? undefined : "needs Chromium; npm test -- --project page installs it");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

/** Two polls that fail, 2.9 s apart at most, a look of the page, and what a busy machine adds. */
const DEAD_SECONDS = 30;
/** A folder for pictures of the page; docs/ has them. */
const PICTURES = process.env["OLLAMA_MESH_PICTURES"];
const PROMPT = "a prompt that nobody else may read";
const KEY = "test-key-of-anna-0001";

describe.skipIf(why)(`the status page${why ? ` (${why})` : ""}`, () => {
  let browser: Browser;
  let mesh: RoutedMesh | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({
      ...(executablePath ? { executablePath } : {}),
      args: ["--no-sandbox"],
    });
  });
  afterAll(() => browser?.close());
  afterEach(() => mesh?.[Symbol.asyncDispose]());

  const started = async (options = {}) =>
    (mesh = await RoutedMesh.start(
      image,
      [
        { name: "a", models: ["llama3.2:3b", "m:latest"], loaded: ["m:latest"], everyMs: 30 },
        { name: "b", models: ["m:latest", "only-b:7b"], everyMs: 30 },
      ],
      options,
    ));

  test("shows nodes, models and requests, live, and a dead node within seconds", async () => {
    const running = await started();
    const { page, complaints } = await opened(browser, running.balancer.managementUrl);
    await shows(page, "#verdict", "All is well");
    expect(await texts(page, "#nodes th")).toEqual(["a", "b"]);
    expect(await texts(page, "#nodes tr:first-child td")).toEqual([
      "● ok",
      "0 of 4",
      "–",
      "m:latest, 1.0 kB",
      "100 %",
      "llama3.2:3b",
      "0.32.15",
    ]);
    expect(await texts(page, "#models tr")).toEqual([
      expect.stringMatching(/^llama3\.2:3b\s+–\s+a\s+–$/),
      expect.stringMatching(/^m:latest\s+a, b\s+–\s+–$/),
      expect.stringMatching(/^only-b:7b\s+b\s+–\s+–$/),
    ]);
    await until(
      "the config's hash",
      async () => /Hash[0-9a-f]{16}/.test((await page.textContent("#config")) ?? ""),
      { seconds: DEAD_SECONDS },
    );

    const load = clients(running, 4);
    await until(
      "requests in flight on the page",
      async () => /^[1-9]/.test((await texts(page, "#nodes tr:first-child td"))[1] ?? ""),
      { seconds: DEAD_SECONDS },
    );
    await until(
      "the last hour",
      async () => /Ended in \d+ s\s*[1-9]/.test((await page.textContent("#figures")) ?? ""),
      { seconds: 60 },
    );
    await load.stop();

    const began = Date.now();
    await running.node("b").die();
    await until(
      "the dead node",
      async () => (await texts(page, "#nodes tr:nth-child(2) td"))[0] === "✕ gone",
      { seconds: DEAD_SECONDS },
    );
    figure("a dead node is shown after", inSeconds((Date.now() - began) / 1000));
    const problems = await texts(page, "#problems li");
    expect(problems[0]).toBe("model only-b:7b no node that is well has it; b had it");
    expect(problems[1]).toMatch(/^node b does not answer, for \d+ s: /);
    expect(await page.getAttribute("#verdict", "class")).toBe("bad");
    if (PICTURES) await page.screenshot({ path: join(PICTURES, "status-page.png") });

    await running.node("b").listen();
    await until(
      "the node again",
      async () => (await texts(page, "#nodes tr:nth-child(2) td"))[0] === "● ok",
      { seconds: DEAD_SECONDS },
    );
    expect(complaints).toEqual([]);
  });

  test("says so when the balancer does not answer", async () => {
    const running = await started();
    const { page } = await opened(browser, running.balancer.managementUrl);
    await shows(page, "#verdict", "All is well");
    await page.route("**/status.json", (route) => route.abort());
    await until(
      "the page to notice",
      async () =>
        (await page.textContent("#verdict"))?.startsWith("The balancer does not answer since"),
      { seconds: DEAD_SECONDS },
    );
  });

  test.each(["light", "dark"] as const)(
    "axe finds nothing, in %s, wide and on a phone; all is reached by keyboard",
    async (colorScheme) => {
      const running = await started();
      const { page, complaints } = await opened(browser, running.balancer.managementUrl, {
        colorScheme,
      });
      await shows(page, "#verdict", "All is well");
      for (const width of [1200, 360]) {
        await page.setViewportSize({ width, height: 800 });
        expect([width, await axe(page)]).toEqual([width, []]);
        const beyond = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect([width, beyond]).toEqual([width, 0]);
        if (PICTURES) {
          await page.screenshot({
            path: join(PICTURES, `status-page-${colorScheme}-${width}.png`),
          });
        }
      }
      const reached: string[] = [];
      for (let count = 0; count < 4; count++) {
        await page.keyboard.press("Tab");
        reached.push(
          await page.evaluate(
            () =>
              document.activeElement?.getAttribute("href") ??
              document.activeElement?.getAttribute("aria-labelledby") ??
              "",
          ),
        );
      }
      expect(reached).toEqual(["nodes-title", "models-title", "/status.json", "/metrics"]);
      expect(complaints).toEqual([]);
    },
  );

  test("is one file under 100 KB that may run its own script only, and reads only", async () => {
    const { managementUrl } = (await started()).balancer;
    const { headers, text } = await ask(`${managementUrl}/status`);
    expect(Buffer.byteLength(text)).toBeLessThan(100_000);
    expect(text).not.toMatch(/(src|href)="(?!\/)/);
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; /,
    );
    for (const path of ["/status", "/status.json"]) {
      const { status } = await ask(`${managementUrl}${path}`, { method: "POST", body: "{}" });
      expect([path, status]).toEqual([path, 405]);
    }
    expect((await ask(`${managementUrl}/`)).headers.location).toBe("/status");
  });

  test("neither page, JSON nor metrics hold a key or a prompt", async () => {
    const running = await started({
      unknown: true,
      balancer: { access: { apiKeys: [{ name: "anna", key: KEY }] } },
    });
    const headers = { authorization: `Bearer ${KEY}` };
    const body = { model: "m", messages: [{ content: PROMPT }], prompt: PROMPT };
    await until(
      "an answer",
      async () => (await running.post("/api/chat", body, { headers })).status === 200,
      { seconds: DEAD_SECONDS },
    );
    await running.post("/api/chat", { ...body, model: PROMPT }, { headers });
    const { managementUrl } = running.balancer;
    const pages = ["/status", "/status.json", "/metrics", "/verdict/"];
    const all = await Promise.all(
      pages.map(async (path) => (await ask(managementUrl + path)).text),
    );
    expect(all[2]).toContain('mesh_key_requests_total{key="anna"');
    for (const secret of [PROMPT, KEY]) expect(all.join()).not.toContain(secret);
  });

  test("with routing: plain the page says what it cannot know", async () => {
    await using balancer = await Balancer.start(image, {
      nodes: [{ name: "a", managed: false, address: "10.9.9.9" }],
      balancer: { routing: "plain", management: { port: 11500 } },
    });
    const { page, complaints } = await opened(browser, balancer.managementUrl);
    expect(await page.textContent("main")).toContain(
      "this page cannot know which node is well, what it has loaded, how fast it is",
    );
    expect(await axe(page)).toEqual([]);
    expect(complaints).toEqual([]);
    expect(JSON.parse((await ask(`${balancer.managementUrl}/status.json`)).text)).toEqual({
      format: 1,
      routing: "plain",
    });
  });
});

/** The page in a browser, with all that its console said. */
async function opened(browser: Browser, url: string, options = {}) {
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`${url}/`);
  return { page, complaints };
}

const shows = (page: Page, selector: string, text: string) =>
  until(`"${text}" in ${selector}`, async () => (await page.textContent(selector)) === text, {
    seconds: DEAD_SECONDS,
  });

const texts = (page: Page, selector: string) => page.locator(selector).allInnerTexts();

/** What axe finds, by rule and element. Given to the debugger, for the page's own policy lets no other script in. */
async function axe(page: Page): Promise<string[]> {
  const file = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  const source = await readFile(file, "utf8");
  await page.evaluate(source);
  return page.evaluate(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + " " + target)))`);
}
