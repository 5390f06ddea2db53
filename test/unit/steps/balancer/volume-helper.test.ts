import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test, vi, type TestContext } from "vitest";

import type { BalancerRef } from "../../../../plan/balancer-ref.ts";
import {
  chownArgs,
  helperArgs,
  request,
  startVolumeHelper,
} from "../../../../steps/balancer/volume-helper.ts";
import { DockerError } from "../../../../steps/engine/docker-engine.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

vi.mock("../../../../steps/limits.ts", async (original) => ({
  ...(await original<object>()),
  LOCK_TOLD_SECONDS: 0.3,
}));

const BALANCER: BalancerRef = {
  endpoint: "unix:///run/nowhere.sock",
  container: "lab-balancer",
  volume: "lab-config",
  network: "lab-network",
};
const IMAGE = "nginx:1";

describe("the docker command of the helper", () => {
  const USER = ["--user", "101:101", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
  const VOLUME = [
    ...["--read-only", "--tmpfs", "/tmp:mode=1777"],
    ...["--volume", "lab-config:/etc/nginx/mesh", "--entrypoint", "sh"],
  ];
  const RUN = ["run", "--rm", "--interactive", "--name", "h"];
  /** Without the program. */
  const args = (balancer: BalancerRef, beside?: string) => {
    const all = helperArgs(balancer, IMAGE, "h", beside);
    expect(all.slice(-5, -3)).toEqual(["-c", expect.stringContaining("flock")]);
    return [...all.slice(0, -5), ...all.slice(-3)];
  };

  test("without a balancer it is in its network, and has next to no rights", () => {
    expect(args(BALANCER)).toEqual([
      ...[...RUN, "--network", "lab-network", ...USER, ...VOLUME],
      ...[IMAGE, "sh", "/etc/nginx/mesh", "300"],
    ]);
  });

  test("beside one it shares its network and processes; where certificates are files it sees them", () => {
    expect(args({ ...BALANCER, tlsFolder: "/srv/tls" }, "lab-balancer")).toEqual([
      ...[...RUN, "--network", "container:lab-balancer", "--pid", "container:lab-balancer"],
      ...[...USER, ...VOLUME],
      ...["--mount", "type=bind,source=/srv/tls,target=/etc/nginx/tls,readonly"],
      ...[IMAGE, "sh", "/etc/nginx/mesh", "300"],
    ]);
  });

  test("before it, a new volume is made nginx's by a container that can do nothing else", () => {
    expect(chownArgs(BALANCER, IMAGE)).toEqual([
      ...["run", "--rm", "--network", "none", "--user", "0:0", "--cap-drop", "ALL"],
      ...["--cap-add", "CHOWN", "--security-opt", "no-new-privileges", "--read-only"],
      ...["--volume", "lab-config:/etc/nginx/mesh", "--entrypoint", "chown"],
      ...[IMAGE, "101:101", "/etc/nginx/mesh"],
    ]);
  });
});

test("a request is the number of its words, its words and its input; an empty one is an empty line", () => {
  expect(request(["change", "", "b c"], "in\n")).toBe("3\nY2hhbmdl\n\nYiBj\naW4K\n");
});

/** Runs the helper's program here instead of in a container. */
function here(context: Pick<TestContext, "skip">) {
  if (spawnSync("flock", ["--version"]).error) context.skip("needs flock");
  // The program and its arguments stand behind -c; the folder is another one here.
  const { folder } = standInDocker(
    'while [ "$1" != -c ]; do shift; done\nexec sh -c "$2" sh "$(dirname "$0")/volume" 1',
  );
  const volume = join(folder, "volume");
  mkdirSync(volume);
  return { volume, start: () => startVolumeHelper(BALANCER, IMAGE, undefined) };
}
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("the helper", () => {
  test("does one thing after the other, in the volume, and hands back what it printed", async (context) => {
    const { volume, start } = here(context);
    const helper = await start();
    expect(await helper.call(["read_state"])).toBe("");
    expect(await helper.call(["write_state"], '{"a":"ü"}')).toBe("");
    expect(await helper.call(["read_state"])).toBe('{"a":"ü"}');
    await helper.call(["write_files", "secrets/1"], `a ${base64("A\n")}\nb ${base64("")}\n`);
    await helper.call(["write_files", "secrets/2"], `c ${base64("C")}\n`);
    expect(readFileSync(join(volume, "secrets/1/a"), "utf8")).toBe("A\n");
    expect(readFileSync(join(volume, "secrets/1/b"), "utf8")).toBe("");
    await helper.call(["keep_only", "secrets", "", "secrets/2"]);
    expect(readdirSync(join(volume, "secrets"))).toEqual(["2"]);
    await helper.end();
  });

  test("is told every word as it is", async (context) => {
    const { start } = here(context);
    const helper = await start();
    const words = ["", "a b", "-n", "$(id)", "'\"", "*", "ü"];
    expect(await helper.call(["printf", "<%s>", ...words])).toBe(
      words.map((word) => `<${word}>`).join(""),
    );
    await helper.end();
  });

  test("goes on after what fails, and says what that said and its exit code", async (context) => {
    const { volume, start } = here(context);
    writeFileSync(join(volume, "taken"), "");
    const helper = await start();
    const error = await helper.call(["write_files", "taken/a"], "").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DockerError);
    expect(error).toMatchObject({ code: 1, stderr: expect.stringContaining("taken") });
    expect(await helper.call(["read_state"])).toBe("");
    await helper.end();
  });

  test("keeps others out until it ends, who say what they wait for", async (context) => {
    const { start } = here(context);
    const told = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const helper = await start();
    await expect(start()).rejects.toEqual(
      new StepError(
        "another change of this mesh holds its config for more than 300 s; wait for it, or end it",
      ),
    );
    expect(told.mock.calls).toEqual([
      [
        "lab-config on unix:///run/nowhere.sock: waiting for another change of this mesh, 300 s at most\n",
      ],
    ]);
    await helper.end();
    await (await start()).end();
  });
});

describe("a volume that cannot be opened", () => {
  const refused = (said: string, balancer: BalancerRef, code = 125) => {
    standInDocker(`echo '${said}' >&2; exit ${code}`);
    return startVolumeHelper(balancer, IMAGE, undefined).catch(({ message }: Error) => message);
  };
  const START =
    "the balancer's config volume lab-config on unix:///run/nowhere.sock cannot be opened: ";

  test("is shown with docker's words and the way out", async () => {
    const said = "docker: Error response from daemon: no space left on device";
    expect(await refused(said, BALANCER)).toBe(
      `${START}${said}; mend that and run pulumi up again; nothing was changed`,
    );
  });

  test("because the certificates are not there says where they belong", async () => {
    const said =
      'docker: Error response from daemon: invalid mount config for type "bind": bind source path does not exist: /srv/tls';
    expect(await refused(said, { ...BALANCER, tlsFolder: "/srv/tls" })).toBe(
      `${START}${said}; put certificate and key into /srv/tls there, or correct balancer.tls.certificateFile`,
    );
  });

  test("because its engine is not reached says so instead", async () => {
    const said = "Cannot connect to the Docker daemon at unix:///run/nowhere.sock.";
    expect(await refused(said, BALANCER)).toBe(
      `Docker engine unix:///run/nowhere.sock: no engine answers there; install or start Docker (systemctl start docker), or correct \`host\`\n  docker says: ${said}`,
    );
  });

  test("because it is root's is made nginx's, once", async () => {
    const { commands } = standInDocker('case "$*" in *--interactive*) exit 77 ;; esac');
    await expect(startVolumeHelper(BALANCER, IMAGE, undefined)).rejects.toEqual(
      new StepError(
        `${START}it is not nginx's, 101:101; mend that and run pulumi up again; nothing was changed`,
      ),
    );
    const programs = commands().map((line) => / --entrypoint (\w+) /.exec(line)?.[1]);
    expect(programs).toEqual(["sh", "chown", "sh"]);
  });
});

test("a helper that is gone in the middle of a change says so, and that the change is whole or not there", async () => {
  standInDocker("echo locked; read -r count; echo 'container is dead' >&2; exit 137");
  const helper = await startVolumeHelper(BALANCER, IMAGE, undefined);
  await expect(helper.call(["read_state"])).rejects.toEqual(
    new StepError(
      "the helper that held the balancer's config volume lab-config on unix:///run/nowhere.sock is gone: container is dead; run pulumi up again, a change is whole or not there at all",
    ),
  );
  await helper.end();
});
