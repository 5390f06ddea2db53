// A network of others that would come first, on an engine of Docker 28: the ports stay where they are.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { dockerEngine } from "../../../steps/engine/docker-engine.ts";
import { joinNetworks } from "../../../steps/balancer/front/join-networks.ts";
import { until } from "../../../toolchain/until.mjs";
import { lacking, need } from "../../support/needs.ts";
import { story } from "../../support/report/story.ts";
import { SpareEngine } from "../support/spare-engine.ts";

const NEEDS = ["OLLAMA_MESH_HOST_IMAGE", "OLLAMA_MESH_NGINX_IMAGE"] as const;
const image = process.env["OLLAMA_MESH_NGINX_IMAGE"] ?? "";
const URL_THERE = "http://127.0.0.1:11434";
/** Seconds for an answer: a connection that is refused has none, one on a busy machine has it late. */
const PATIENCE = "30";
/** Says who asks, on a new connection each time. */
const SERVER = `my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 64, ReuseAddr => 1) or die;
while (my $client = $server->accept) { print $client "HTTP/1.0 200 OK\\r\\n\\r\\n", $client->peerhost; close $client }`;

story();

let engine: SpareEngine;
beforeAll(async () => {
  if (lacking(...NEEDS)) return;
  engine = await SpareEngine.start({
    image: process.env["OLLAMA_MESH_HOST_IMAGE"]!,
    images: [image],
  });
  for (const name of ["a-default", "mesh"]) await engine.docker("network", "create", name);
  await engine.docker(
    ...["run", "--detach", "--name", "front", "--network", "mesh", "--publish"],
    ...["127.0.0.1:11434:8080", "--entrypoint", "perl", image, "-MIO::Socket::INET", "-e", SERVER],
  );
}, 300_000);
beforeEach((context) => NEEDS.forEach((name) => need(context, name)));
afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

const asker = () => engine.exec("curl", "-sS", "-m", PATIENCE, URL_THERE);

test(
  "no connection is refused, and the machine is known by the same gateway",
  { timeout: 240_000 },
  async () => {
    await until("an answer", asker, { seconds: 20 });
    const before = await asker();
    const failed = engine.exec(
      ...[
        "sh",
        "-c",
        `for i in $(seq 300); do curl -s -o /dev/null -m ${PATIENCE} ${URL_THERE} || echo no; done`,
      ],
    );
    const front = { id: "front", networks: ["mesh"] };
    await joinNetworks(dockerEngine(engine.endpoint), front, { own: [], foreign: ["a-default"] });
    expect(await failed).toBe("");
    const format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
    expect(await engine.docker("inspect", "--format", format, "front")).toBe("a-default mesh \n");
    expect(await asker()).toBe(before);
    await engine.docker("restart", "--time", "0", "front");
    expect(await until("an answer", asker, { seconds: 20 })).toBe(before);
  },
);
