import { NGINX_USER } from "../../templates/nginx-layout.ts";
import { keepFiles, keepFilesArgs, type KeepFilesInput } from "../engine/keep-files.ts";
import { makeKeyPair, type KeyPair } from "./key-pair.ts";

/** By what a balancer and a node's guard know each other: each trusts exactly one certificate. */
export interface LinkKeyPairs {
  server: KeyPair;
  client: KeyPair;
}

/** The node whose guard it is for. */
export interface MakeLinkInput {
  /** Name in the certificates. */
  name: string;
}

/** Makes the two certificates of a link. What is printed is secret, and is made once: it is kept in the state. */
export async function makeLink({ name }: MakeLinkInput): Promise<LinkKeyPairs> {
  const [server, client] = await Promise.all([
    makeKeyPair(name, "server"),
    makeKeyPair(name, "client"),
  ]);
  return { server, client };
}

/** Files of a guard. */
export type KeepGuardInput = Omit<KeepFilesInput, "user">;

/**
 * Puts the files of a guard into its volume, readable for nginx only.
 *
 * @throws StepError when they cannot be written
 */
export const keepGuard = (input: KeepGuardInput): Promise<{ kept: string[] }> =>
  keepFiles(forNginx(input), `the guard's volume ${input.volume}`);

/** By which the files on its stdin are put into a guard's volume. */
export const keepGuardArgs = (input: KeepGuardInput): string[] => keepFilesArgs(forNginx(input));

const forNginx = (input: KeepGuardInput): KeepFilesInput => ({ ...input, user: NGINX_USER });
