import { X509Certificate } from "node:crypto";
import type { BalancerRef } from "../../plan/balancer-ref.ts";
import { CONFIG_FOLDER } from "../../templates/nginx-layout.ts";
import { observeCommand } from "../../steps/balancer/ask.ts";
import { parseObserved, type ObservedMesh } from "../../steps/balancer/mesh-state.ts";
import { containerState } from "../../steps/engine/containers.ts";
import { DockerError, dockerEngine } from "../../steps/engine/docker-engine.ts";
import { HOST_ANSWER_SECONDS } from "../../steps/limits.ts";
import { goneProblem } from "../../steps/nodes/gone.ts";
import { companionFindings, wayToRun } from "./examine-companions.ts";
import type { Examination, Finding } from "./finding.ts";

/** Time enough to order and install another one. */
const LAST_DAYS = 21;

/**
 * Looks at a balancer: whether it runs, serves with what its steps wrote, has every node in traffic that should be,
 * how long its certificates last, and whether what stands beside it runs.
 *
 * @param offline names of nodes whose hosts are declared switched off
 * @param title what a person is told it by; default its container
 * @returns nothing seen where it can be asked for nothing
 * @throws StepError when its engine does not answer
 */
export async function examineBalancer(
  balancer: BalancerRef,
  offline: readonly string[],
  title = balancer.container,
): Promise<Examination> {
  const { endpoint, container } = balancer;
  const of = `balancer ${title}`;
  const found = await containerState(endpoint, container);
  if (!found) return { findings: [{ of, text: goneProblem("it") }] };
  if (found.status !== "running") {
    const text = `its container is ${found.status}; ${wayToRun(container, endpoint, found.status)}`;
    return { findings: [{ of, text }] };
  }
  const { docker } = dockerEngine(endpoint);
  const printed = await docker(observeCommand(container), { timeoutSeconds: HOST_ANSWER_SECONDS });
  const observed = parseObserved(printed);
  const { state } = observed;
  const findings = [
    ...observedFindings(of, observed),
    ...state.expected
      .filter((node) => !(node in state.servers) && !offline.includes(node))
      .map((node) => ({
        of: `node ${node}`,
        text: "it is out of traffic; pulumi up tries it again and says why it does not answer",
      })),
    ...(await certificateFindings(balancer, of, state.base)),
    ...(await companionFindings(balancer, of)),
  ];
  const serving = Object.keys(state.servers).sort();
  const seen = `${of}: ${found.image}, serves with ${serving.length === 1 ? "1 node" : `${serving.length} nodes`} (${serving.join(", ")})`;
  return { seen, findings };
}

function observedFindings(of: string, { wrong, sealed, alone }: ObservedMesh): Finding[] {
  const config =
    wrong ?? (sealed ? undefined : "mesh.json in the config volume was changed by hand");
  const texts = [
    ...(alone
      ? [
          "nginx is down, and the front serves by one of its own, which keeps nothing of what API keys use; pulumi up starts the right one",
        ]
      : []),
    ...(config === undefined
      ? []
      : [`${config}; pulumi up writes it as it is declared and reloads nginx`]),
  ];
  return texts.map((text) => ({ of, text }));
}

/** The certificates that clients are shown; the mesh's own between balancer and guards outlast everybody. */
async function certificateFindings(
  { endpoint, container }: BalancerRef,
  of: string,
  base: string,
): Promise<Finding[]> {
  const files = new Set(
    [...base.matchAll(/^\s*ssl_certificate "?([^";\s]+)"?;/gm)].map(([, file]) => file!),
  );
  const { docker } = dockerEngine(endpoint);
  const findings = await Promise.all(
    [...files].map(async (file) => {
      const path = file.startsWith("/") ? file : `${CONFIG_FOLDER}/current/${file}`;
      const pem = await docker(["exec", container, "cat", path]).catch((error: unknown) => {
        if (error instanceof DockerError) return "";
        throw error;
      });
      return certificateEnd({ of, container }, path, pem, Date.now());
    }),
  );
  return findings.flat();
}

/** Whose certificate it is: as it is named, and its container. */
interface CertificateOwner {
  of: string;
  container: string;
}

/**
 * What to say of a certificate: of its end, or that it is none, as after a renewal that broke off.
 *
 * @param now in milliseconds, as Date.now() counts
 */
export function certificateEnd(
  owner: CertificateOwner,
  file: string,
  pem: string,
  now: number,
): Finding[] {
  try {
    return endFindings(owner, file, new X509Certificate(pem).validTo, now);
  } catch {
    return certificateFinding(owner, `${file} cannot be read, and nginx would not start with it`);
  }
}

/**
 * What to say of a certificate's end.
 *
 * @param end as X509Certificate.validTo writes it
 * @param now in milliseconds, as Date.now() counts
 */
export function endFindings(
  owner: CertificateOwner,
  file: string,
  end: string,
  now: number,
): Finding[] {
  const days = Math.floor((Date.parse(end) - now) / 86_400_000);
  if (days >= LAST_DAYS) return [];
  const when = days < 0 ? `has expired (${end})` : `ends in ${days} days (${end})`;
  return certificateFinding(owner, `${file} ${when}`);
}

/** Of a file that was renewed an `up` knows nothing: nginx reads it anew when it is told. */
const certificateFinding = ({ of, container }: CertificateOwner, what: string): Finding[] => [
  {
    of,
    text: `its certificate ${what}; renew the file, and docker kill --signal HUP ${container}, or declare another one in balancer.tls`,
  },
];
