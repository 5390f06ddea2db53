// What the goldens show, of what is rendered and not of the files, which the same run may have written.
import { describe, expect, test } from "vitest";

import { everywhere, inside, readNginx, type Read } from "../support/nginx-tokens.ts";
import { confOf } from "./outcome.ts";

describe("what the goldens show", () => {
  const golden = async (folder: string) => readNginx(await confOf(folder));
  const group = (conf: Read[]) => inside(conf, "http", "upstream ollama");
  const servers = async (folder: string) =>
    group(await golden(folder))
      .filter(({ name, args }) => name === "server" && args[1] !== "route=~")
      .map(({ args }) => args.join(" "));
  const setting = async (folder: string, name: string) =>
    everywhere(await golden(folder), name).map(({ args }) => args.join(" "));

  test("nodes that are names alone get one equal line each, by the alphabet", async () => {
    expect((await servers("three-names")).map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=1 max_fails=10 fail_timeout=2s route=one",
      "weight=1 max_fails=10 fail_timeout=2s route=three",
      "weight=1 max_fails=10 fail_timeout=2s route=two",
    ]);
  });

  test("weight, backup and maintenance stand on the node's own line only", async () => {
    expect((await servers("weights-and-backup")).map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "weight=4 max_fails=10 fail_timeout=2s route=big",
      "weight=1 max_fails=10 fail_timeout=2s route=small",
      // Hints are looked up among primaries only, and nginx itself must go on to it as a backup.
      "weight=1 max_fails=10 fail_timeout=2s drain route=spare",
      "weight=1 max_fails=10 fail_timeout=2s backup",
    ]);
    expect((await servers("maintenance-is-down")).map((line) => line.replace(/^\S+ /, ""))).toEqual(
      [
        "weight=1 max_fails=10 fail_timeout=2s route=one",
        "weight=1 max_fails=10 fail_timeout=2s down",
      ],
    );
  });

  test("the method stands before the servers, so that nginx checks backups against it", async () => {
    const names = group(await golden("ip-hash")).map(({ name }) => name);
    expect(names).toEqual([
      "zone",
      "ip_hash",
      "sticky",
      "server",
      "server",
      "server",
      "keepalive",
      "keepalive_requests",
      "keepalive_timeout",
    ]);
  });

  test("round robin is nginx's own and has no line", async () => {
    const names = group(await golden("round-robin-has-no-line")).map(({ name }) => name);
    expect(names).toEqual([
      "zone",
      "sticky",
      "server",
      "server",
      "server",
      "keepalive",
      "keepalive_requests",
      "keepalive_timeout",
    ]);
  });

  test("an IPv6 address stands in brackets, and is recognised as nginx prints it", async () => {
    expect((await servers("ipv6-node")).map((line) => line.split(" ")[0])).toEqual([
      "[2001:db8::8]:11434",
      "[2001:DB8:0::7]:8000",
    ]);
    expect(inside(await golden("ipv6-node"), "http", "map $mesh_upstream")).toEqual([
      { name: "default", args: [""] },
      { name: "[2001:db8::8]:11434", args: ["lower"] },
      { name: "[2001:db8::7]:8000", args: ["upper"] },
    ]);
  });

  test("declared limits and time-outs are the ones that nginx gets", async () => {
    expect(await setting("time-outs-and-tries", "proxy_connect_timeout")).toEqual(["2s"]);
    expect(await setting("time-outs-and-tries", "proxy_read_timeout")).toEqual(["3600s"]);
    expect(await setting("time-outs-and-tries", "proxy_send_timeout")).toEqual(["30s"]);
    expect(await setting("time-outs-and-tries", "proxy_next_upstream_tries")).toEqual(["2"]);
    expect(await setting("time-outs-and-tries", "proxy_next_upstream_timeout")).toEqual(["8s"]);
    expect(await setting("large-bodies-many-workers", "client_max_body_size")).toContain("512m");
    expect(await setting("large-bodies-many-workers", "worker_processes")).toEqual(["8"]);
  });

  test.each([
    ["hash-by-uri", "hash", ["$request_uri", "consistent"]],
    ["hash-by-client", "hash", ["$binary_remote_addr", "consistent"]],
    ["hash-by-header", "hash", ["$http_x_session_id", "consistent"]],
    ["hash-by-cookie", "hash", ["$cookie_session", "consistent"]],
    ["hash-by-argument", "hash", ["$arg_user", "consistent"]],
    ["random", "random", []],
    ["random-two-least-conn", "random", ["two", "least_conn"]],
    ["ip-hash", "ip_hash", []],
  ])("%s: the method is %s %j, before the first server", async (folder, name, args) => {
    expect(group(await golden(folder)).slice(0, 4)).toEqual([
      { name: "zone", args: ["ollama", "64k"] },
      { name, args },
      { name: "sticky", args: ["route", "$mesh_route"] },
      expect.objectContaining({ name: "server" }),
    ]);
  });

  test("what is sticky stands after the method, which it wraps, and before the servers", async () => {
    const names = async (folder: string) => group(await golden(folder)).map(({ name }) => name);
    expect((await names("sticky-by-cookie")).slice(0, 4)).toEqual([
      "zone",
      "least_conn",
      "sticky",
      "server",
    ]);
    expect(await setting("sticky-by-cookie", "sticky")).toEqual([
      "route $mesh_route $cookie_mesh_node",
    ]);
    expect(await setting("plain-routing-sticks-by-cookie", "sticky")).toEqual([
      "cookie mesh_node expires=3600s path=/ httponly samesite=lax",
    ]);
    expect(
      (await servers("drain-keeps-the-clients-that-stick")).map((line) => / drain /.test(line)),
    ).toEqual([false, true]);
  });

  test("names are looked up again only where a resolver is declared, and addresses never", async () => {
    const resolved = async (folder: string) =>
      (await servers(folder)).flatMap((line) =>
        / resolve\b/.test(line) ? [line.split(" ")[0]] : [],
      );
    expect(await resolved("remote-hosts-by-name")).toEqual([]);
    expect(await resolved("resolver-looks-names-up-again")).toEqual([
      "gpu1.lan:11434",
      ...["spare.lan:8000", "spare.lan:8000"],
    ]);
  });

  test("conditions, tries and budget of a retry are the declared ones", async () => {
    const on = async (folder: string) => {
      const all = inside(await golden(folder), "http", "server");
      return all.filter(({ name }) => name === "proxy_next_upstream").map(({ args }) => args);
    };
    expect(await on("strict-profile-has-no-non-idempotent")).toEqual([["error", "timeout"]]);
    expect(await on("own-retry-conditions-take-the-place-of-the-profile")).toEqual([
      ["error", "timeout", "http_429", "http_500"],
    ]);
  });
});
