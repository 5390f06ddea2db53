// A machine that `ollama-mesh discover` looks at, with a stand-in for the docker command.
import { expect, test } from "vitest";

import { findMachine } from "../../../cli/discover/machine.ts";
import { standInDocker } from "../../support/stand-in-docker.ts";

/** What its engine says. */
const server = { Version: "29.0.0", ApiVersion: "1.52", Os: "linux" };
const info = {
  ...{ Architecture: "x86_64", MemTotal: 2 ** 34, Name: "elsewhere", DockerRootDir: "/d" },
  Runtimes: {},
  SystemTime: new Date().toISOString(),
};

test("one that stops answering while it is looked at has a problem, and the others are still told of", async () => {
  standInDocker(`case "$*" in
*" version "*) printf '%s' '${JSON.stringify({ Server: server, ...server })}' ;;
*" info --format {{json"*) printf '%s' '${JSON.stringify(info)}' ;;
*" info "*) echo elsewhere A2XJ ;;
*) echo "Error response from daemon: context deadline exceeded" >&2; exit 1 ;;
esac`);
  const { inspection, meshes } = await findMachine("unix:///run/other.sock");
  expect(inspection).toMatchObject({ reached: true, engine: "29.0.0" });
  expect(inspection.problems).toEqual([
    {
      text: "it stopped answering: docker ps: Error response from daemon: context deadline exceeded; look at it again",
      ofEngine: false,
    },
  ]);
  expect(meshes).toEqual([]);
});

test("a machine is known again by another name of it", async () => {
  standInDocker(`case "$*" in
*" version "*) printf '%s' '${JSON.stringify({ Server: server, ...server })}' ;;
*" info --format {{json"*) printf '%s' '${JSON.stringify(info)}' ;;
*" info "*) echo elsewhere A2XJ ;;
esac`);
  const { engine } = await findMachine("unix:///run/other.sock");
  expect(engine).toBe("elsewhere A2XJ");
});
