// Mounts of services, tried on the real engine before any container is made: who can read and write what.
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { mounts, type MountedService } from "../../../steps/nodes/mounts.ts";
import { run } from "../../../toolchain/command.mjs";
import { need } from "../../support/needs.ts";
import { nginxImage } from "../support/lab.ts";
import { ownStackName } from "../support/leftovers.ts";

const ENGINE = "unix:///var/run/docker.sock";
const NAME = `mesh-${ownStackName()}`;
const NO_SHELL = `${NAME}-no-shell`;
const PATH = "/srv/seen";

let folder = "";
/** A folder with a file in it, of a user of the host. */
const made = async (name: string, uid: number, mode: number) => {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, "file"), "kept", { mode: 0o644 });
  await chown(join(path, "file"), uid, uid);
  await chown(path, uid, uid);
  await chmod(path, mode);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mesh-mounts-"));
  await chmod(folder, 0o755);
  await made("open", 1000, 0o755);
  await made("closed", 1000, 0o700);
  await made("of-root", 0, 0o755);
  const dockerfile = "FROM scratch\nCOPY file /file\nUSER 1000\n";
  await writeFile(join(folder, "Dockerfile"), dockerfile);
  await writeFile(join(folder, "file"), "");
  await run("docker", ["build", "-q", "--tag", NO_SHELL, folder]);
});
beforeEach((context) => need(context, "OLLAMA_MESH_NGINX_IMAGE"));
afterAll(async () => {
  await run("docker", ["rm", "--force", "--volumes", NAME]).catch(() => undefined);
  await run("docker", ["volume", "rm", "--force", NAME]).catch(() => undefined);
  await run("docker", ["rmi", "--force", NO_SHELL]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

/** What the step says of one mount; "fine" where it may be used. */
async function said(source: string, more: Partial<MountedService> & { readOnly?: boolean } = {}) {
  const { readOnly = false, ...over } = more;
  const path = source.includes("/") ? source.replace("/", `${folder}/`) : source;
  const all = [{ source: path, path: PATH, readOnly }];
  const service = {
    node: "a",
    container: `${NAME}-none`,
    image: nginxImage(),
    mounts: all,
    ...over,
  };
  return mounts({ endpoint: ENGINE, services: [service], helper: nginxImage() }).then(
    () => "fine",
    (error: Error) =>
      error.message.replaceAll(`${folder}/`, "/").replace(`node a on ${ENGINE}: `, ""),
  );
}

const ROOT = "it runs as root, which in it has no right to what others own, and cannot";
const RIGHT = "or give that user the right on the host (chown, chmod, setfacl)";

test.each<[string, string, Parameters<typeof said>[1], string]>([
  [
    "a person's folder, which root may only read",
    "/open",
    {},
    `${ROOT} write /open, which belongs to 1000:1000 (mode 755); declare service.user: "1000:1000", or readOnly: true if it only reads there, ${RIGHT}`,
  ],
  ["the same, to be read only", "/open", { readOnly: true }, "fine"],
  ["the same, as that person", "/open", { user: "1000:1000" }, "fine"],
  [
    "one that is closed to others",
    "/closed",
    { readOnly: true },
    `${ROOT} read /closed, which belongs to 1000:1000 (mode 700); declare service.user: "1000:1000", ${RIGHT}`,
  ],
  ["the same, as that person", "/closed", { user: "1000" }, "fine"],
  [
    "a file of a person's",
    "/open/file",
    {},
    `${ROOT} write /open/file, which belongs to 1000:1000 (mode 644); declare service.user: "1000:1000", or readOnly: true if it only reads there, ${RIGHT}`,
  ],
  ["the same, to be read only", "/open/file", { readOnly: true }, "fine"],
  ["root's folder", "/of-root", {}, "fine"],
  [
    "root's folder for somebody else",
    "/of-root",
    { user: "1000" },
    "it runs as user 1000, and cannot write /of-root, which belongs to 0:0 (mode 755); readOnly: true if it only reads there, or give that user the right on the host (chown, chmod, setfacl)",
  ],
  [
    "a user that the image has not",
    "/open",
    { user: "nobody-here" },
    'service.user nobody-here is not known in its image; declare it by number, as "1000:1000"',
  ],
  ["a folder that Docker will make, for root", "/not-there", {}, "fine"],
  [
    "one that Docker would make for root, for somebody else",
    "/not-there",
    { user: "1000" },
    "/not-there is not on the host, and Docker would make it for root, where user 1000 cannot write; make it there: mkdir -p /not-there && chown 1000 /not-there",
  ],
  [
    "a model that is not there",
    "/not-there",
    { readOnly: true },
    "/not-there is not on the host, and the service could only read there; correct the path",
  ],
  ["a volume that is not there yet", NAME, {}, "fine"],
  [
    "a volume that is not there yet, which will be root's",
    NAME,
    { user: "1000" },
    "it runs as user 1000, and cannot write",
  ],
  [
    "an image without a shell, by the user that it names",
    "/of-root",
    { image: NO_SHELL },
    "it runs as user 1000, and cannot write /of-root",
  ],
])("%s", async (_, source, more, expected) => {
  const message = await said(source, more);
  if (expected.endsWith("write") || expected.endsWith("/of-root")) {
    expect(message).toContain(expected);
  } else expect(message).toBe(expected);
});

test.each<[string, Partial<MountedService>, string]>([
  [
    "a user that the image has not",
    { user: "nobody-here" },
    'service.user nobody-here is not known in its image; declare it by number, as "1000:1000"',
  ],
  [
    "a user's group that it has not",
    { user: "nginx:nobody-here" },
    'service.user nginx:nobody-here is not known in its image; declare it by number, as "1000:1000"',
  ],
  [
    "a group that it has not, whatever the host has",
    { groups: ["video", "render"] },
    "group render of gpus.groups is not known in its image; declare the number that it has on its host (getent group render), in quotes",
  ],
  ["names that it has", { user: "nginx:nginx", groups: ["video"] }, "fine"],
  ["numbers, in an image without a shell", { image: NO_SHELL, user: "7", groups: ["44"] }, "fine"],
])("without a mount, %s", async (_, more, expected) => {
  expect(await said("/open", { ...more, mounts: [] })).toBe(expected);
});

test.each([
  ["/proc", "cannot be mounted because"],
  ["/sys/models", "read-only file system"],
  ["/etc/passwd", "not a directory"],
  ["/dev", "unable to setup user"],
])("a folder at %s, where none can be, is told with what Docker says", async (path, why) => {
  const mount = { source: join(folder, "open"), path, readOnly: true };
  const message = await said("/open", { mounts: [mount] });
  expect(message).toContain(
    `/open cannot be mounted at ${path}; declare another path; docker says: `,
  );
  expect(message).toContain(why);
});

test("nothing is made or left behind", async () => {
  expect(await readdir(join(folder, "of-root"))).toEqual(["file"]);
  expect((await stat(join(folder, "open", "file"))).size).toBe(4);
  expect(await readdir(folder)).not.toContain("not-there");
  await expect(run("docker", ["volume", "inspect", NAME])).rejects.toThrow(/no such volume/i);
});

test("a service that runs with the same mounts goes on with them", async () => {
  const source = join(folder, "open");
  const image = nginxImage();
  const args = ["--name", NAME, "--volume", `${source}:${PATH}:rw`, "--entrypoint", "sleep"];
  await run("docker", ["run", "--detach", ...args, image, "infinity"]);
  expect(await said("/open", { container: NAME })).toBe("fine");
  expect(await said("/open", { container: NAME, readOnly: true, user: "1000" })).toBe("fine");
  expect(await said("/closed", { container: NAME })).toContain("cannot read /closed");
});
