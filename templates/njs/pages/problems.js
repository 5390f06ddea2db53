/** What is wrong with the mesh, the worst first: one judgement for the page, the command and whoever reads the JSON. */

/** @typedef {import("../../status/mesh-status.ts").RoutedStatus["problems"][number]} Problem */
/** @typedef {import("../../status/mesh-status.ts").RoutedStatus} RoutedStatus */

/** What each state of a node means. */
const NODE = /** @type {Record<string, string>} */ ({
  gone: "does not answer",
  wedged: "answers its lists, and gives no token: it is asked last",
  cpu: "has a model in less GPU memory than declared: it is asked last",
  quiet: "has requests, and gave no token for 3 s: it is asked last",
  unknown: "was not asked yet",
});

/** Worst first. */
const ORDER = ["gone", "wedged", "cpu", "quiet", "unknown"];

/**
 * @param {Pick<RoutedStatus, "config" | "nodes" | "models" | "away" | "certificateEnd" | "traffic" | "pools">} of
 * @param {number} now
 * @returns {Problem[]}
 */
export function problemsOf({ config, nodes, models, away, certificateEnd, traffic, pools }, now) {
  return [
    ...idle(nodes, pools),
    ...models
      .filter((model) => isNowhere(model, nodes))
      .map(({ name, pool, notWell }) =>
        grave(
          `model ${name}${pool ? ` of pool ${pool}` : ""}`,
          `no node that is well has it; ${notWell.join(", ")} had it`,
        ),
      ),
    ...nodes
      .filter(({ state }) => state !== "ok")
      .sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state))
      .map(({ name, state, since, error }) => ({
        of: `node ${name}`,
        text: `${NODE[state] ?? state}${since > 0 ? `, for ${ago(now - since)}` : ""}${state === "gone" && error ? `: ${error}` : ""}`,
        grave: state === "gone" || state === "wedged",
      })),
    ...away.out.map((name) => ({
      of: `node ${name}`,
      text: "is declared, and out of traffic: a change is under way, or pulumi up says why it was not let in",
      grave: false,
    })),
    ...(config.current
      ? []
      : [
          {
            of: "config",
            text: "nginx serves with another config than the one in its volume; ollama-mesh doctor says more",
            grave: false,
          },
        ]),
    ...certificate(certificateEnd, now),
    ...refusals(traffic),
  ];
}

/**
 * Whether nobody serves a model. A node that is quiet with it does: it may be at a long prompt.
 *
 * @param {RoutedStatus["models"][number]} model
 * @param {RoutedStatus["nodes"]} nodes
 */
const isNowhere = ({ name, loaded, disk, notWell }, nodes) =>
  loaded.length + disk.length === 0 &&
  !nodes.some(
    (node) =>
      notWell.includes(node.name) &&
      node.models.some((own) => own.name === name && own.state === "quiet"),
  );

/**
 * The mesh, or each pool, of which no node serves. A default pool without nodes is none.
 *
 * @param {RoutedStatus["nodes"]} nodes
 * @param {readonly string[]} [pools]
 */
function idle(nodes, pools = []) {
  const serve = nodes.some(isServing);
  if (!serve)
    return [grave("mesh", nodes.length === 0 ? "no node is in traffic" : "no node serves")];
  return pools.flatMap((name) => {
    const own = nodes.filter(({ pool }) => pool === name);
    const text = own.length === 0 ? "no node is in traffic" : "no node serves";
    return own.some(isServing) ? [] : [grave(`pool ${name}`, text)];
  });
}

/**
 * Whether clients get answers from it. Its state is the worst of its models', and it serves the others.
 *
 * @param {RoutedStatus["nodes"][number]} node
 */
const isServing = ({ state, models }) =>
  SERVING.includes(state) ||
  (state === "wedged" && models.some((model) => SERVING.includes(model.state ?? "")));

/** On its CPU it is slow. */
const SERVING = ["ok", "quiet", "cpu"];

/** Days before its end that a certificate should have been renewed: what renews them does so with 30 left. */
const RENEWED_DAYS = 21;
const DAY = 86_400_000;

/**
 * @param {number | undefined} end
 * @param {number} now
 */
function certificate(end, now) {
  if (end === undefined || end - now >= RENEWED_DAYS * DAY) return [];
  const days = Math.floor((end - now) / DAY);
  return [
    {
      of: "certificate",
      text: `${end > now ? `ends in ${days} days` : "has ended"}; renew its file, and docker kill --signal HUP the balancer's container, or declare another one in balancer.tls`,
      grave: end <= now,
    },
  ];
}

/** @param {Pick<RoutedStatus, "traffic">["traffic"]} traffic */
function refusals(traffic) {
  if (!traffic) return [];
  const { ended, failed, refused, seconds } = traffic.minute;
  const texts = Object.entries(refused).map(([status, count]) => `${count} refused with ${status}`);
  if (failed > 0) texts.push(`${failed} failed at a node`);
  return texts.length === 0
    ? []
    : [
        {
          of: "requests",
          text: `of ${ended} in the last ${seconds} s: ${texts.join(", ")}`,
          grave: failed > 0 || Object.keys(refused).some((status) => status !== "404"),
        },
      ];
}

/**
 * @param {string} of
 * @param {string} text
 */
const grave = (of, text) => ({ of, text, grave: true });

/** @param {number} milliseconds */
function ago(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
