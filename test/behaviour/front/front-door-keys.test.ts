import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { lacking, need } from "../../support/needs.ts";
import { ask, type Answered } from "../harness/client.ts";
import { ToyMesh } from "../harness/mesh.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");
const image = process.env.OLLAMA_MESH_NGINX_IMAGE ?? "";

const ANNA = "sk-Anna-0123456789.abcDEF_~+/=";
const TILDE = "~odd/key+with.dots~~";
const UPPER = "SAMELETTERSOTHERCASE";
const apiKeys = [
  { name: "anna", key: ANNA },
  { name: "tilde", key: TILDE },
  { name: "upper", key: UPPER },
  { name: "lower", key: UPPER.toLowerCase() },
  { name: "long", key: "k".repeat(256) },
];
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const NEEDED = "an API key is needed, as Authorization: Bearer KEY or x-api-key: KEY";

describe.skipIf(why)(`API keys${why ? ` (${why})` : ""}`, () => {
  let mesh: ToyMesh;
  const tags = (headers: Record<string, string>, path = "/api/tags") =>
    ask(`${mesh.balancer.url}${path}`, { headers });
  const status = async (headers: Record<string, string>) => (await tags(headers)).status;

  beforeAll(async () => {
    mesh = await ToyMesh.start(image, ["a"], { access: { apiKeys } });
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());

  test("every declared key opens, as Bearer and as x-api-key", async () => {
    for (const { key } of apiKeys) {
      expect([key, await status(bearer(key))]).toEqual([key, 200]);
      expect([key, await status({ "x-api-key": key })]).toEqual([key, 200]);
    }
  });

  const basic = (text: string) => ({
    authorization: `Basic ${Buffer.from(text).toString("base64")}`,
  });

  test("every declared key opens as the password of the user that has its name, and as a user alone", async () => {
    for (const { name, key } of apiKeys) {
      expect([name, await status(basic(`${name}:${key}`))]).toEqual([name, 200]);
      expect([name, await status(basic(`${key}:`))]).toEqual([name, 200]);
    }
    expect(
      await mesh.balancer.exec(
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        `http://anna:${encodeURIComponent(ANNA)}@127.0.0.1:8080/api/tags`,
      ),
    ).toBe("200");
  });

  test.each([
    ["another user's name", "tilde:" + ANNA],
    ["another case of the key", `anna:${ANNA.toUpperCase()}`],
    ["another case of the name", `Anna:${ANNA}`],
    ["no key", "anna:"],
    ["the name alone", "anna"],
    ["more than the key", `anna:${ANNA}x`],
  ])("Basic with %s is refused", async (_, text) => {
    expect(await status(basic(text))).toBe(401);
  });

  test("Basic in another case of its letters is another key", async () => {
    const { authorization } = basic(`anna:${ANNA}`);
    const scheme = authorization.replace("Basic", "bAsIc");
    expect(await status({ authorization: scheme })).toBe(200);
    expect(await status({ authorization: `Basic ${authorization.slice(6).toLowerCase()}` })).toBe(
      401,
    );
  });

  test.each([
    ["no key", {}],
    ["an empty one", { authorization: "Bearer ", "x-api-key": "" }],
    ["another case", bearer(ANNA.toUpperCase())],
    ["another case in x-api-key", { "x-api-key": ANNA.toLowerCase() }],
    ["the mixed case of two keys", bearer(`${UPPER.slice(0, 10)}${UPPER.slice(10).toLowerCase()}`)],
    ["a beginning of one", bearer(ANNA.slice(0, -1))],
    ["more than one", bearer(`${ANNA}x`)],
    ["a key as an expression", bearer(".{20}")],
    ["a name instead of the key", bearer("anna")],
    ["a key with what the table gives for it", bearer(`${ANNA}:${ANNA}:anna`)],
    ["two keys in one header", { "x-api-key": `${ANNA}, ${TILDE}` }],
    ["another scheme", { authorization: `Basic ${ANNA}` }],
    ["no scheme", { authorization: ANNA }],
    ["two different keys, both known", { ...bearer(ANNA), "x-api-key": TILDE }],
    ["two that are not known", { ...bearer("0123456789abcdef"), "x-api-key": "0123456789abcdef" }],
    ["a name beside a key's", { ...bearer("anna"), "x-api-key": `${ANNA}:anna` }],
  ])("%s is refused like any other", async (_what, headers) => {
    mesh.node("a").forget();
    const { status, text, headers: answered } = await tags(headers);
    expect({ status, text, challenge: answered["www-authenticate"] }).toEqual({
      status: 401,
      text: JSON.stringify({ error: NEEDED }),
      challenge: 'Bearer realm="ollama-mesh"',
    });
    expect(mesh.node("a").requests).toEqual([]);
  });

  test("a wrong key and no key get the same answer, byte by byte but for date and request id", async () => {
    const same = ({ status, headers, text }: Answered) => {
      const { date: _date, "x-request-id": _id, ...rest } = headers;
      return { status, headers: rest, text };
    };
    expect(same(await tags(bearer("0123456789abcdef")))).toEqual(same(await tags({})));
  });

  test("the scheme may be written in any case, and the same key stand in both headers", async () => {
    expect(await status({ authorization: `bearer ${ANNA}` })).toBe(200);
    expect(await status({ ...bearer(ANNA), "x-api-key": ANNA })).toBe(200);
    expect(await status({ authorization: "Basic dXNlcjpwYXNz", "x-api-key": ANNA })).toBe(200);
  });

  test("what is not known does not count beside a key: tokens of other services, dummies", async () => {
    const others = [
      "",
      "dummy",
      "0123456789abcdef",
      "eyJhbGciOi.J9.x:y",
      "a b",
      ANNA.toLowerCase(),
    ];
    for (const other of others) {
      expect([other, await status({ ...bearer(other), "x-api-key": ANNA })]).toEqual([other, 200]);
      expect([other, await status({ ...bearer(ANNA), "x-api-key": other })]).toEqual([other, 200]);
    }
    expect(await status({ authorization: ANNA, "x-api-key": ANNA })).toBe(200);
    expect(await status({ ...bearer(TILDE), "x-api-key": ANNA })).toBe(401);
  });

  test("each API gets the refusal in its own shape", async () => {
    const texts = await Promise.all(
      ["/v1/models", "/v1/messages"].map(async (path) => JSON.parse((await tags({}, path)).text)),
    );
    expect(texts).toEqual([
      {
        error: {
          message: NEEDED,
          type: "invalid_request_error",
          param: null,
          code: "invalid_api_key",
        },
      },
      { type: "error", error: { type: "authentication_error", message: NEEDED } },
    ]);
  });

  test("/healthz needs no key, and nothing that only looks like it goes free", async () => {
    const health = await ask(`${mesh.balancer.url}/healthz`);
    expect([health.status, health.text]).toEqual([200, "ok\n"]);
    for (const path of ["/HEALTHZ", "/healthz/", "/healthz%0a", "/healthz%0a/x", "/healthz%20"]) {
      expect([path, (await tags({}, path)).status]).toEqual([path, 401]);
    }
    expect((await tags({}, "/mesh-error/400")).status).toBe(404);
    expect((await tags({}, "/mesh-error/400%0a")).status).toBe(401);
    expect((await tags({}, "/mesh-error/other")).status).toBe(401);
  });

  test("the node gets neither header", async () => {
    mesh.node("a").forget();
    await tags({ ...bearer(ANNA), "x-api-key": ANNA });
    const { headers } = mesh.node("a").requests[0]!;
    expect(Object.keys(headers)).not.toContain("authorization");
    expect(Object.keys(headers)).not.toContain("x-api-key");
  });

  test("the log names the key; the key stands neither there nor in the config", async () => {
    await tags({ ...bearer(TILDE), "x-request-id": "by-name" });
    const wrong = { ...bearer("wrong-key-0123456789"), "x-request-id": "wrong" };
    await tags(wrong, `/api/tags?api_key=${ANNA}`);
    await mesh.balancer.logged("wrong");
    const entry = await mesh.balancer.logged("by-name");
    expect(entry).toMatchObject({ key: "tilde", path: "/api/tags", status: "200" });
    // Both of nginx's logs.
    const log = await mesh.balancer.said();
    const conf = await mesh.balancer.exec("cat", "/etc/nginx/mesh/current/nginx.conf");
    for (const secret of [...apiKeys.map(({ key }) => key), "wrong-key-0123456789"]) {
      expect(log).not.toContain(secret);
      expect(conf).not.toContain(secret);
    }
  });
});

test("without declared keys a request needs none", async (context) => {
  const image = need(context, "OLLAMA_MESH_NGINX_IMAGE");
  await using mesh = await ToyMesh.start(image, ["a"]);
  expect((await ask(`${mesh.balancer.url}/api/tags`)).status).toBe(200);
});
