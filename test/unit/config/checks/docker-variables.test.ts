import { expect, test } from "vitest";

import { dockerVariableProblems } from "../../../../config/checks/docker-variables.ts";

test.each([
  {},
  { DOCKER_CERT_PATH: "", DOCKER_HOST: "" },
  { DOCKER_HOST: "unix:///var/run/docker.sock" },
  { DOCKER_HOST: "tcp://rack1.lan:2376" },
  { DOCKER_HOST: "tcp://[fd00::1]:2376" },
  { DOCKER_HOST: "ssh://ops@rack1.lan" },
  { DOCKER_CONTEXT: "nowhere", DOCKER_TLS_VERIFY: "1", DOCKER_API_VERSION: "0" },
])("%o does not divert the docker plugin", (environment) => {
  expect(dockerVariableProblems(environment)).toEqual([]);
});

test("certificates for every engine are refused by name", () => {
  expect(dockerVariableProblems({ DOCKER_CERT_PATH: "/certs" })).toEqual([
    {
      path: "DOCKER_CERT_PATH",
      text: 'must not be set in the environment: Pulumi\'s docker plugin takes these certificates for every engine; unset DOCKER_CERT_PATH (those of an engine belong into ~/.docker/certs.d/HOST:PORT), got "/certs"',
    },
  ]);
});

test.each([
  "garbage",
  "/var/run/docker.sock",
  "unix://",
  `unix:///${"x".repeat(120)}`,
  "tcp://a b",
])("DOCKER_HOST=%s is refused by name", (host) => {
  expect(dockerVariableProblems({ DOCKER_HOST: host })).toMatchObject([{ path: "DOCKER_HOST" }]);
});
