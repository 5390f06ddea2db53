// A volume with models on this machine's engine, and a container that has it mounted, as a step's has.
import { MODELS_FOLDER, type ModelStoreRef } from "../../../../steps/models/model-store.ts";
import { run } from "../../../../toolchain/command.mjs";
import { bridgeAddress, docker, ENGINE } from "../../../behaviour/harness/docker.ts";
import { ownStackName } from "../leftovers.ts";

/** A store that goes when it is disposed of. */
export class LocalStore implements AsyncDisposable {
  /** Name of the volume and of its container. */
  readonly name: string;
  readonly place: ModelStoreRef;

  private constructor(name: string, image: string, address: string) {
    this.name = name;
    this.place = { endpoint: ENGINE, image, volume: name, address };
  }

  /** Its name is one that a later run finds should this one die. */
  static async create(what: string, image: string): Promise<LocalStore> {
    const store = new LocalStore(`${what}-${ownStackName()}`, image, await bridgeAddress());
    const mount = ["--volume", `${store.name}:/root/.ollama`, "--entrypoint", "sleep"];
    await docker("run", "--detach", "--name", store.name, ...mount, image, "infinity");
    await store.inside(`mkdir -p blobs manifests`);
    return store;
  }

  /** Runs a script in the folder of the models. */
  inside = async (script: string): Promise<string> => {
    const workdir = "mkdir -p " + MODELS_FOLDER + " && cd " + MODELS_FOLDER;
    return (await docker("exec", this.name, "bash", "-c", `${workdir} && ${script}`)).trim();
  };

  /** Puts the files of a folder in Ollama's layout into it. */
  fill = async (folder: string): Promise<void> => {
    await run("docker", ["cp", `${folder}/.`, `${this.name}:${MODELS_FOLDER}`]);
  };

  /**
   * Puts another text in the place of 16 random bytes of a blob: of a single one, one in 256 is what it was before.
   *
   * @returns mends it
   */
  damage = async (digest: string): Promise<() => Promise<string>> => {
    const blob = `blobs/${digest}`;
    const there = "bs=1 count=16 conv=notrunc status=none";
    await this.inside(
      `dd if=${blob} of=/tmp/before skip=1000 ${there}; printf "not what it was." | dd of=${blob} seek=1000 ${there}`,
    );
    return () => this.inside(`dd if=/tmp/before of=${blob} seek=1000 ${there}`);
  };

  /** Bytes of a file of it; 0 where there is none. */
  size = async (file: string): Promise<number> =>
    Number(await this.inside(`stat -c %s ${file} 2>/dev/null || echo 0`));

  async [Symbol.asyncDispose](): Promise<void> {
    await docker("rm", "--force", this.name);
    await docker("volume", "rm", "--force", this.name);
  }
}
