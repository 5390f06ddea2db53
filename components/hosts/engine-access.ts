import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { parseEndpoint } from "../../config/net/engine-endpoint.ts";
import { engineTls } from "../../steps/engine/engine-tls.ts";
import { SSH_OPTIONS } from "../../steps/engine/shared-ssh.ts";

/**
 * Stands in a provider for an engine that is not to be asked: what is behind ssh Pulumi's docker plugin never asks
 * before it needs it. Where it is asked after all (`pulumi refresh` before the next `up`), ssh names it in its error.
 */
const NOT_ASKED = "ssh://engine-did-not-answer.run-pulumi-up-again.invalid";

/**
 * How the provider reaches an engine. The empty ones stand for variables of the environment
 * (DOCKER_CONTEXT and the like), which it would otherwise obey before `host`. Keys stay where they are: the
 * state has their folder only.
 *
 * @param answers false where the plugin must not ask it: it would stop the whole preview
 */
export function engineAccess(
  endpoint: string,
  answers: boolean | Promise<boolean>,
): docker.ProviderArgs {
  const fixed = { context: "", caMaterial: "", certMaterial: "", keyMaterial: "" };
  if (parseEndpoint(endpoint)?.kind === "ssh") {
    const sshOpts = SSH_OPTIONS.flatMap((option) => ["-o", option]);
    return { host: endpoint, ...fixed, certPath: "", sshOpts };
  }
  const told = { host: endpoint, certPath: engineTls(endpoint) ?? "" };
  const instead = { host: NOT_ASKED, certPath: "" };
  if (typeof answers === "boolean") return { ...fixed, ...(answers ? told : instead) };
  const known = pulumi.output(answers).apply((reached) => (reached ? told : instead));
  return { ...fixed, host: known.host, certPath: known.certPath };
}
