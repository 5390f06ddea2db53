import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyConfig } from "../../../steps/balancer/apply-config.ts";
import { servingHash } from "../../../steps/balancer/ask.ts";
import { withConfigVolume } from "../../../steps/balancer/config-volume.ts";
import type { MeshState } from "../../../steps/balancer/mesh-state.ts";
import { WORKERS } from "../../../steps/balancer/nginx-workers.ts";
import { amend, drain, type AdmissionInput } from "../../../steps/nodes/admission.ts";
import { delist, enlist, takeTurn } from "../../../steps/nodes/turn.ts";
import { nginxConf } from "../../../templates/nginx-conf.ts";
import { serverLine } from "../../../templates/nodes/upstream.ts";
import { run } from "../../../toolchain/command.mjs";
import { until } from "../../../toolchain/until.mjs";
import { lacking } from "../../support/needs.ts";
import { BalancerUnderTest } from "../support/balancer-under-test.ts";

const why = lacking("OLLAMA_MESH_NGINX_IMAGE");

// Real Docker and nginx, the steps themselves, no Pulumi: what a step leaves behind when it works,
// and that it leaves everything as it was when it does not.
describe.skipIf(why)(`config volume${why ? ` (${why})` : ""}`, { timeout: 240_000 }, () => {
  const mesh = new BalancerUnderTest(process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "");
  const base = nginxConf(mesh.plan.balancer, mesh.plan.nodes);
  const balancer = mesh.place;
  const image = mesh.image;

  beforeAll(async () => {
    await mesh.serve();
  });
  afterAll(() => mesh[Symbol.asyncDispose]());

  const admission = (name: string): AdmissionInput => {
    const node = mesh.plan.nodes.find((planned) => planned.name === name)!;
    return {
      balancer,
      node: name,
      address: node.address,
      port: node.port,
      line: serverLine(mesh.plan.balancer, node),
      drainTimeoutSeconds: 5,
    };
  };
  const state = () =>
    withConfigVolume(balancer, undefined, image, (volume) =>
      Promise.resolve<MeshState>(volume.state),
    );
  /** Runs what must fail, and shows that nginx and the volume are as before. */
  async function refused(change: () => Promise<unknown>): Promise<string> {
    const before = [await servingHash(balancer), await mesh.currentConfig(), await state()];
    const error = await change().then(
      () => new Error("it was accepted"),
      (reason: unknown) => reason as Error,
    );
    expect([await servingHash(balancer), await mesh.currentConfig(), await state()]).toEqual(
      before,
    );
    return error.message;
  }

  test("a change is done once no worker with the config before takes new connections", async () => {
    const inside = (script: string) =>
      run("docker", ["exec", balancer.container, "sh", "-c", script]);
    const workers = (await inside(`${WORKERS}\nworkers`)).trim().split("\n").join(" ");
    expect(workers).toMatch(/^\d+( \d+)*$/);
    const old = await servingHash(balancer);
    // Frozen, they cannot take note that they are to quit: as on a machine with too much to do.
    await inside(`kill -STOP ${workers}`);
    let done = false;
    const change = applyConfig({
      balancer,
      image,
      base: `${base}\n# anew`,
      secrets: "",
      router: mesh.router,
    }).then(() => {
      done = true;
    });
    try {
      // Five times, so that a change that only waits for the first answer has the time to end; of the 15 s that a change
      // waits for its nginx, ten have taken ten on a machine with much to do.
      for (let answers = 0; answers < 5; answers++) {
        const fresh = async () => ![undefined, old].includes(await servingHash(balancer));
        await until("the new config is served", fresh, { seconds: 30 });
      }
      expect(done).toBe(false);
    } finally {
      await inside(`kill -CONT ${workers}`);
    }
    await change;
    await applyConfig({ balancer, image, base, secrets: "", router: mesh.router });
  });

  test("without an admitted node, clients get 503 as JSON", async () => {
    expect(await mesh.front("/api/tags")).toBe(
      '{"error":"no node can take the request at the moment; try again"}',
    );
  });

  test("a config that nginx refuses leaves the old one serving and shows nginx's words", async () => {
    const broken = base.replace("least_conn;", "least_con;");
    const message = await refused(() =>
      applyConfig({ balancer, image, base: broken, secrets: "", router: mesh.router }),
    );
    expect(message).toMatch(
      /^nginx refuses the new config; the old one goes on serving\n {2}nginx says: /,
    );
    expect(message).toContain('unknown directive "least_con"');
    expect(message).toContain("\n  If that is about a value of yours, ");
  });

  test("a config that passes nginx -t but not the reload is taken back", async () => {
    // nginx keeps limit_req zones over a reload and refuses another key for one, which -t cannot see.
    const limited = (key: string) =>
      base.replace(
        "server_tokens off;",
        `server_tokens off; limit_req_zone ${key} zone=test:1m rate=1r/s;`,
      );
    await applyConfig({
      balancer,
      image,
      base: limited("$binary_remote_addr"),
      secrets: "",
      router: mesh.router,
    });
    const message = await refused(() =>
      applyConfig({ balancer, image, base: limited("$uri"), secrets: "", router: mesh.router }),
    );
    expect(message).toMatch(
      /^nginx accepted the new config but did not take it over in 15 s; the old one goes on serving\n/,
    );
    expect(message).toContain('limit_req "test" uses the "$uri" key');
    expect(message).toContain("\n  Run pulumi up again, ");
    await applyConfig({ balancer, image, base, secrets: "", router: mesh.router });
  });

  test("nodes admitted at the same moment are both admitted", async () => {
    await Promise.all([amend(admission("a")), amend(admission("b"))]);
    expect(Object.keys((await state()).servers).sort()).toEqual(["a", "b"]);
    const conf = await mesh.currentConfig();
    for (const node of mesh.plan.nodes) {
      expect(conf).toContain(` ${serverLine(mesh.plan.balancer, node)}\n`);
    }
    expect(conf.match(/^ +server 100\..*;$/gm)).toHaveLength(2);
  });

  test("admitting a node again changes nothing", async () => {
    const before = await servingHash(balancer);
    await amend(admission("a"));
    expect(await servingHash(balancer)).toBe(before);
  });

  test("a drained node's line is gone, and draining it again is no error", async () => {
    await drain(admission("b"));
    expect(Object.keys((await state()).servers)).toEqual(["a"]);
    await drain(admission("b"));
    expect(Object.keys((await state()).servers)).toEqual(["a"]);
  });

  test("a node may not leave while as many others are out as may be", async () => {
    const turn = (node: string) => ({
      balancer,
      mesh: mesh.name,
      node,
      spec: "1",
      maxUnavailable: 1,
    });
    const engine = balancer.endpoint;
    for (const name of ["a", "b"]) await amend({ ...admission(name), engine });
    await takeTurn(turn("a"));
    await drain({ ...admission("b"), engine }); // b is expected, and not admitted
    const message = await refused(() => takeTurn(turn("a")));
    expect(message).toContain("node a stays in traffic: b is out already");
    expect(message).toContain(
      `pulumi up --target '**::${mesh.name}-b' --target '**::${mesh.name}-b-*'`,
    );
    await takeTurn(turn("b"));
    await enlist(turn("c")); // a new node takes nothing out of traffic
    await takeTurn({ ...turn("a"), maxUnavailable: 2 });
    await delist(turn("b"));
    await takeTurn(turn("a"));
  });
});
