// A machine whose old name is dead: neither DNS nor ~/.ssh/config knows it any more, and it runs all the same.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, expect, test } from "vitest";

import { story } from "../support/report/story.ts";
import { lanStackOfFile } from "./support/lan.ts";
import { unnoticed, upUnnoticed } from "./support/under-load.ts";

story();

const { lan, stack } = lanStackOfFile(3);
beforeAll(async () => {
  if (!stack()) return;
  await configure({});
  await stack().up();
  await writeFile(
    sshConfig(),
    (await readFile(sshConfig(), "utf8")).replace("Host lan3\n", "Host dead\n"),
  );
});

const sshConfig = () => join(lan().lan.folder, "ssh_config");
const configure = (c: object) =>
  stack().configure(
    lan().config({
      nodes: [
        { name: "a", ...lan().on(2) },
        { name: "c", ...lan().on(3), ...c },
      ],
    }),
  );
const newName = () => {
  const { user, address, port } = lan().host(3);
  return { host: `ssh://${user}@${address}:${port}` };
};
/** Containers on the machine of c, and when the volume with its models was made. */
const onMachine = async () => {
  const inside = (...args: string[]) => lan().inside(3, "docker", ...args);
  return {
    containers: await inside("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}"),
    models: await inside(
      "volume",
      "inspect",
      "--format",
      "{{.CreatedAt}}",
      `${stack().mesh}-models`,
    ),
  };
};

test("under its new name alone it is refused before anything is touched, with both ways out", async () => {
  const before = await onMachine();
  await configure(newName());
  const ran = await unnoticed(lan(), () => stack().tryUp());
  expect(ran.failed).toEqual([`${stack().mesh}-hosts`]);
  const message = ran.errors.join("\n");
  expect(message).toContain("1 of 2 hosts cannot take the change; nothing was touched anywhere");
  expect(message).toContain("Docker engine ssh://admin@lan3:2222: the host name is not known");
  expect(message).toContain("~/.ssh/config");
  expect(message).toContain('- { name: c, host: "ssh://admin@lan3:2222", offline: true, ... }');
  expect(await onMachine()).toEqual(before);
  expect(await lan().serving(stack().mesh)).toEqual(["a", "c"]);
});

test("declared offline under the old name first, it is then taken over under the new one, models and all", async () => {
  const before = await onMachine();
  await configure({ offline: true });
  await upUnnoticed(lan(), stack(), "old name declared offline");
  expect(await onMachine()).toEqual(before);
  await configure(newName());
  await upUnnoticed(lan(), stack(), "declared under the new name");
  const after = await onMachine();
  expect(after.models).toBe(before.models);
  expect(after.containers).not.toBe(before.containers);
  expect(after.containers).toMatch(new RegExp(`^\\w+ ${stack().mesh}-c$`));
  expect(await lan().serving(stack().mesh)).toEqual(["a", "c"]);
  expect((await stack().preview()).changes).toEqual([]);
});
