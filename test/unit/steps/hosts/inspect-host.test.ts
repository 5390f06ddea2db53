// A look at a host never throws for what is wrong with the host: `up` shows it in its table, a preview as a warning.
import { expect, test } from "vitest";

import { askEngine, inspectHost, requireEngine } from "../../../../steps/hosts/inspect-host.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const ENDPOINT = "tcp://rack1:2376";
const refusing = (said: string) => standInDocker(`echo '${said}' >&2; exit 1`);

test.each([
  [
    "an engine for which the docker command is too old",
    "Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version",
    "the docker command of this machine is too old for it; install a newer one",
  ],
  [
    "certificates that this user cannot read",
    "Failed to initialize: unable to resolve docker endpoint: open /home/anna/.docker/certs.d/rack1:2376/key.pem: permission denied",
    "its certificates in ~/.docker/certs.d cannot be used; correct them, or who may read them",
  ],
  [
    "something else that answers there",
    "Error response from daemon: 404 page not found",
    "what answers there does not do what the docker command asks; correct `host`, or mend what docker says",
  ],
])("%s is a problem of the host", async (_, said, wayOut) => {
  refusing(said);
  const text = `Docker engine ${ENDPOINT}: ${wayOut}\n  docker says: ${said}`;
  const seen = { endpoint: ENDPOINT, reached: false, problems: [{ text, ofEngine: true }] };
  expect(await inspectHost({ endpoint: ENDPOINT, nvidia: false })).toEqual(seen);
  expect(await askEngine({ endpoint: ENDPOINT })).toEqual(seen);
  const leaving = await requireEngine(ENDPOINT, "a").catch((error: Error) => error);
  expect(leaving).toBeInstanceOf(StepError);
  expect((leaving as Error).message).toContain(text);
});
