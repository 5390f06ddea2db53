// What the ready gate says where it needs no node for it; a node that plays Ollama: test/engine/steps/gpu-gate.test.ts.
import { describe, expect, test } from "vitest";

import { ready, type ReadyInput } from "../../../../steps/nodes/ready.ts";
import { StepError } from "../../../../steps/step-error.ts";
import { standInDocker } from "../../../support/stand-in-docker.ts";

const INPUT: ReadyInput = {
  balancer: {
    endpoint: "unix:///run/x.sock",
    container: "lab-balancer",
    volume: "v",
    network: "n",
  },
  endpoint: "ssh://rack1",
  container: "lab-a",
  node: "a",
  address: "10.0.0.7",
  port: 11_434,
  models: ["llama3.2"],
  timeoutSeconds: 20,
  warmUp: true,
  maintenance: false,
  pids: 64,
};
const NOT_READY = "node a is not ready and gets no traffic: ";
const LOGS = "\n  last lines of container lab-a:\n  it said so";

/** An engine whose container is so, and whose node gives these answers, by path. */
function engine(answers: Record<string, [number, object]>, restarts = 0) {
  const container = [
    {
      State: { Running: true, Status: restarts > 0 ? "restarting" : "running", ExitCode: 7 },
      RestartCount: restarts,
      Config: { Image: "ollama:1" },
    },
  ];
  const cases = Object.entries(answers).map(
    ([path, [status, body]]) =>
      `*11434${path}*) cat >/dev/null; printf '%s\\n${status}' '${JSON.stringify(body)}' ;;`,
  );
  return standInDocker(`case "$*" in
    *"container inspect"*) echo '${JSON.stringify(container)}' ;;
    *logs*) echo it said so ;;
    ${cases.join("\n    ")}
  esac`);
}

const VERSION = { "/api/version": [200, { version: "0.32.15" }] } as const;
const answers = (more: Record<string, [number, object]>) => ({
  "/api/version": [...VERSION["/api/version"]] as [number, object],
  ...more,
});
const TAGS: [number, object] = [200, { models: [{ name: "llama3.2:latest" }] }];

test("a node in maintenance is asked nothing; its containers get their limits all the same", async () => {
  const { commands } = engine({});
  const guard = { container: "lab-a.guard", pids: 32 };
  expect(await ready({ ...INPUT, maintenance: true, guard })).toEqual({
    ready: "a is in maintenance",
  });
  expect(commands()).toEqual([
    "update --pids-limit 64 lab-a",
    "update --pids-limit 32 lab-a.guard",
  ]);
});

test("a server that is not Ollama answers its health check only", async () => {
  const { commands } = engine({ "/health": [200, {}] });
  expect(await ready({ ...INPUT, healthPath: "/health" })).toEqual({ ready: "a answers /health" });
  expect(commands().filter((line) => line.includes("11434"))).toHaveLength(1);
});

test("a node with its models and a first token is ready", async () => {
  engine(answers({ "/api/tags": TAGS, "/api/generate": [200, { response: "h" }] }));
  expect(await ready(INPUT)).toEqual({ ready: "a runs Ollama 0.32.15" });
});

test("a model that can do nothing else gives an embedding", async () => {
  const { commands } = engine(
    answers({
      "/api/tags": TAGS,
      "/api/generate": [400, { error: '"llama3.2:latest" does not support generate' }],
      "/api/embed": [200, {}],
    }),
  );
  expect(await ready(INPUT)).toEqual({ ready: "a runs Ollama 0.32.15" });
  expect(commands().at(-1)).toContain("/api/embed");
});

describe("a node that is not ready says why, the way out and its container's last lines", () => {
  const refused = (): Promise<unknown> =>
    ready(INPUT).then(
      () => "ready",
      (error: unknown) => error,
    );

  test("a container that is gone", async () => {
    standInDocker(
      `case "$*" in *inspect*) echo 'Error response from daemon: No such container: lab-a' >&2; exit 1 ;; *logs*) echo it said so ;; esac`,
    );
    expect(await refused()).toEqual(
      new StepError(
        `${NOT_READY}container lab-a is gone; pulumi up --refresh makes it anew${LOGS}`,
      ),
    );
  });

  test("one that dies again and again", async () => {
    engine({}, 3);
    expect(await refused()).toEqual(
      new StepError(
        `${NOT_READY}container lab-a died 3 times (exit code 7); mend what its last lines name and run pulumi up again${LOGS}`,
      ),
    );
  });

  test("a volume without its models", async () => {
    engine(answers({ "/api/tags": [200, { models: [] }] }));
    expect(await refused()).toEqual(
      new StepError(
        `${NOT_READY}it does not have llama3.2, although its volume had. Removed by hand, it comes back by docker exec lab-a ollama pull llama3.2 on ssh://rack1; else see which volume it mounts (docker inspect lab-a), pulumi up --refresh makes it as declared${LOGS}`,
      ),
    );
  });

  test("a model that cannot be loaded", async () => {
    engine(answers({ "/api/tags": TAGS, "/api/generate": [500, { error: "out of memory" }] }));
    expect(await refused()).toEqual(
      new StepError(
        `${NOT_READY}POST http://10.0.0.7:11434/api/generate: status 500 {"error":"out of memory"}; mend that, or set rollout.warmUp: false to do without a first token${LOGS}`,
      ),
    );
  });
});
