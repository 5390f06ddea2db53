// npm run lan: a mesh over ssh on four simulated machines, from nothing to the first streamed answer.
import "../../toolchain/node/oldest-node.mjs";
import { run } from "../../toolchain/command.mjs";
import { ensureToolchain } from "../../toolchain/ensure.mjs";
import { ensureDependencies } from "../../toolchain/install-dependencies.mjs";
import { step } from "../../toolchain/progress.mjs";
import { commandLine } from "../command-line.mjs";
import { ensureDockerEngine } from "../docker-engine.mjs";
import { ensureImages } from "../images.mjs";
import { builtImage } from "../images/docker-image.mjs";
import { HOST_IMAGE } from "../images/host/host-image.mjs";
import { KEEPALIVED_IMAGE } from "../images/keepalived/keepalived-image.mjs";
import { lanUp, plugIn } from "./machines.mjs";
import { sshEnvironment } from "./ssh.mjs";
import { showAnswer, showOutputs } from "../show.mjs";
import { LabStack } from "../stack.mjs";

const HELP = `npm run lan

Simulates four machines of a LAN on this one, each with its own sshd and Docker engine, and brings up the
stack "lan" on them over ssh: balancers on lan1 and lan2, which share an address, five nodes on lan2 to lan4,
of which lan3's lets in nobody but the balancers, and a sixth that the mesh does not run. Then it shows one
answer, token by token. Everything that is missing is put in place first. Running it again mends and changes what differs and nothing
else. "npm run lan:down" removes it all.

  --help  this text`;

/** The machine on which each node of Pulumi.lan.yaml runs, in its order. */
const MACHINES = ["lan2", "lan2", "lan3", "lan4", "lan4"];

/** Those with a balancer. */
const BALANCERS = ["lan1", "lan2"];

/** Free in the LAN: its machines begin at 11. */
const sharedAddress = (/** @type {string} */ subnet) => subnet.replace(/0\/24$/, "200/24");

await commandLine(HELP, {}, async () => {
  const stack = new LabStack("lan");
  const toolchain = await ensureToolchain();
  await ensureDependencies();
  await ensureDockerEngine();
  const images = await ensureImages();
  const image = await builtImage(HOST_IMAGE);
  // The balancers' engines build it by themselves, from Debian's packages, where they reach these.
  const keepalived = images.offline ? [await builtImage(KEEPALIVED_IMAGE)] : [];
  /** @type {import("./machines.mjs").Lan} */
  const lan = await step("Switch on four machines", (detail) =>
    lanUp({ count: 4, image, images: [images.nginx, images.ollama, ...keepalived], detail }),
  );
  const external = await step("Start an Ollama that the mesh does not run", async () => {
    const address = await plugIn(lan, "external", [images.ollama]);
    if (!images.offline) {
      const container = `${lan.name}-external`;
      for (const model of images.models) {
        await run("docker", ["exec", container, "ollama", "pull", model]);
      }
    }
    return address;
  });

  const addressOf = Object.fromEntries(lan.hosts.map(({ name, address }) => [name, address]));
  const env = await step('Configure stack "lan"', async () => {
    const env = await stack.environment(sshEnvironment(lan.folder, toolchain));
    await stack.configure(env, {
      image: images.ollama,
      "balancer.image": images.nginx,
      "balancer.virtualAddress": sharedAddress(lan.subnet),
      ...(keepalived[0] ? { "balancer.keepalivedImage": keepalived[0] } : {}),
      ...Object.fromEntries(
        BALANCERS.map((name, i) => [`balancer.hosts[${i}].address`, addressOf[name] ?? ""]),
      ),
      ...Object.fromEntries(images.models.map((model, i) => [`models[${i}]`, model])),
      ...Object.fromEntries(
        MACHINES.map((name, i) => [`nodes[${i}].address`, addressOf[name] ?? ""]),
      ),
      [`nodes[${MACHINES.length}].address`]: external,
    });
    return env;
  });
  await stack.up(env);

  const outputs = await stack.outputs(env);
  await showAnswer(String(outputs.endpoint), images);
  showOutputs(outputs);
  console.log(
    `\nexport PATH="${lan.folder}/bin:$PATH"   # ssh lan2 and docker -H ssh://ops@lan2 ps work then`,
  );
  console.log("Remove it all: npm run lan:down");
});
