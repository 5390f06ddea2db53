import { expect, test } from "vitest";

import {
  changeCall,
  whyNotTakenOver,
  whyRefused,
} from "../../../../steps/balancer/config-volume.ts";
import { EMPTY, seal } from "../../../../steps/balancer/mesh-state.ts";
import { withServers } from "../../../../templates/admitted-servers.ts";
import type { Router } from "../../../../templates/router-data.ts";
import { ROUTER_SETTINGS } from "../../../support/plain-node.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("a change is told by what to write, where, and what nginx is to answer then", () => {
  const state = { ...EMPTY, base: "events {}\nreturn 200 @config-hash@;\n" };
  const { conf, hash } = withServers(state.base, {}, "");
  expect(conf).toBe(`events {}\nreturn 200 ${hash};\n`);
  const input = `${base64(seal(state))}\nnginx.conf ${base64(conf)}\n`;
  const url = "http://127.0.0.1:8081/config-hash";
  expect(changeCall(state, true)).toEqual({
    words: ["change", `versions/${hash}`, "", "", "reload", hash, url, "/tmp/mesh.sock", "15"],
    input,
  });
  expect(changeCall(state, false)).toEqual({
    words: ["change", `versions/${hash}`, "", "", "", hash, url, "/tmp/mesh.sock", "15"],
    input,
  });
});

test("secret files are named by their hash, which changes the config's", () => {
  const state = { ...EMPTY, base: "return 200 @config-hash@;\n" };
  const [, version, secrets] = changeCall({ ...state, secrets: "abc" }, true).words;
  expect(secrets).toBe("secrets/abc");
  expect(version).not.toBe(changeCall(state, true).words[1]);
});

test("the program is named by its hash, and what it is told lies beside the config", () => {
  const router: Router = { program: "abc", settings: ROUTER_SETTINGS };
  const state = { ...EMPTY, base: "return 200 @config-hash@;\n", router };
  const { words, input } = changeCall(state, true);
  expect(words.slice(2, 5)).toEqual(["", "programs/abc", "reload"]);
  expect(input).toContain("data.js ");
  const other = { ...router, settings: { ...router.settings, judged: false } };
  expect(changeCall({ ...state, router: other }, true).words[1]).not.toBe(words[1]);
});

test("a config that nginx refuses is the user's to mend, or a bug", () => {
  expect(whyRefused("host not found in upstream\n")).toBe(
    "nginx refuses the new config; the old one goes on serving\n  nginx says: host not found in upstream\n  If that is about a value of yours, such as an address or a certificate, correct it. If not, it is a bug of ollama-mesh: undo what changed last in the mesh's settings, and report it with these words",
  );
});

test("one that it does not take over may have met a busy machine, or is a bug", () => {
  expect(whyNotTakenOver("  [emerg] zone")).toBe(
    "nginx accepted the new config but did not take it over in 15 s; the old one goes on serving\n  [emerg] zone\n  Run pulumi up again, for its machine may have had too much to do. If it stays so, it is a bug of ollama-mesh: undo what changed last in the mesh's settings, and report it with these lines",
  );
});
