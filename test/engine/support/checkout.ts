// A second checkout of the working tree, without git.
import { cp, mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { run } from "../../../toolchain/command.mjs";
import { ownFolder } from "./leftovers.ts";
import { CHECKOUT } from "./stack.ts";

/** A folder with the same files. */
export interface SecondCheckout extends AsyncDisposable {
  folder: string;
}

/**
 * The files of a commit, built, with this checkout's dependencies.
 *
 * @returns undefined where git does not have the commit, as in a shallow clone
 */
export async function checkoutOf(commit: string): Promise<SecondCheckout | undefined> {
  const there = ["cat-file", "-e", `${commit}^{commit}`];
  if (
    await run("git", there, { cwd: CHECKOUT }).then(
      () => false,
      () => true,
    )
  )
    return undefined;
  const folder = await ownFolder(`checkout-${commit}`);
  const archive = `git archive ${commit} | tar --extract --directory '${folder}'`;
  await run("sh", ["-c", archive], { cwd: CHECKOUT });
  return built(folder);
}

/** Copies what git has or would take, links the dependencies, and builds what `npm ci` would build. */
export async function secondCheckout(): Promise<SecondCheckout> {
  const folder = await ownFolder("another-checkout");
  const listed = await run(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
    { cwd: CHECKOUT },
  );
  for (const file of listed.split("\0").filter(Boolean)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await cp(join(CHECKOUT, file), join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error; // deleted, but git was not told yet
    });
  }
  return built(folder);
}

async function built(folder: string): Promise<SecondCheckout> {
  await symlink(join(CHECKOUT, "node_modules"), join(folder, "node_modules"));
  await run("npm", ["run", "build"], { cwd: folder });
  const remove = () => rm(folder, { recursive: true, force: true });
  return { folder, [Symbol.asyncDispose]: remove };
}
