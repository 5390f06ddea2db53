// The ways in which a person hears that something is wrong, each looked at again and again until it says so.
import { chromium, type Browser, type Page } from "playwright-core";

import type { RoutedStatus } from "../../../../templates/status/mesh-status.ts";
import { CommandError, run } from "../../../../toolchain/command.mjs";
import { CHECKOUT, type Stack } from "../../../engine/support/stack.ts";
import { chromiumPath } from "../../../page/browser.ts";
import type { Alert, Webhook } from "../../../page/webhook.ts";

/** What each way must say of a trouble. */
export interface Trouble {
  /** What a problem of the status page is of, as "node a". */
  of: string;
  /** What its text says. */
  says: RegExp;
  alert: string;
  /** The alert's labels, those that tell it from others. */
  labels: Record<string, string>;
}

/** A way, by the name that the report has for it. */
export type Ways = Record<string, (trouble: Trouble) => Promise<boolean>>;

const isOf = ({ labels }: Alert, { alert, labels: wanted }: Trouble) =>
  labels["alertname"] === alert &&
  Object.entries(wanted).every(([name, value]) => labels[name] === value);

/** Where a mesh is looked at. */
export interface Places {
  stack: Stack;
  managementPort: number;
  prometheusPort: number;
  webhook: Webhook;
}

/** Problems that the balancer tells of. */
export async function problemsOf(managementPort: number): Promise<RoutedStatus["problems"]> {
  const response = await fetch(`http://127.0.0.1:${managementPort}/status.json`);
  return ((await response.json()) as RoutedStatus).problems;
}

/**
 * All ways; the page itself where this machine has a Chromium.
 *
 * @param page as opened by openPage()
 */
export function waysOf(
  { stack, managementPort, prometheusPort, webhook }: Places,
  page: Page | undefined,
): Ways {
  const alerts = async (trouble: Trouble, ...states: string[]) => {
    const response = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/alerts`);
    const { data } = (await response.json()) as { data: { alerts: Alert[] } };
    return data.alerts.some((alert) => states.includes(alert.state!) && isOf(alert, trouble));
  };
  return {
    "/status.json": async ({ of, says }) =>
      (await problemsOf(managementPort)).some((one) => one.of === of && says.test(one.text)),
    ...(page
      ? { page: async (trouble) => saysSo(await page.locator("#problems").innerText(), trouble) }
      : {}),
    "ollama-mesh status": async (trouble) => saysSo(await statusText(stack), trouble),
    "alert pending": (trouble) => alerts(trouble, "pending", "firing"),
    "alert fires": (trouble) => alerts(trouble, "firing"),
    "webhook told": (trouble) =>
      Promise.resolve(
        webhook.told.some((alert) => alert.status === "firing" && isOf(alert, trouble)),
      ),
  };
}

const saysSo = (text: string, { of, says }: Trouble) =>
  text.split("\n").some((line) => line.includes(of) && says.test(line));

/** What the command prints; its code is 1 where something is wrong. */
async function statusText({ name, env }: Stack): Promise<string> {
  try {
    return await run("node", ["dist/cli/ollama-mesh.js", "status", "--stack", name], {
      cwd: CHECKOUT,
      env,
    });
  } catch (error) {
    if (error instanceof CommandError && error.code === 1) return error.output;
    throw error;
  }
}

/** The status page in a browser; undefined where this machine has none. */
export async function openPage(
  managementPort: number,
): Promise<{ browser: Browser; page: Page } | undefined> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) return undefined;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${managementPort}/status`);
  return { browser, page };
}
