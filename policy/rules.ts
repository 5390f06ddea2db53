import { isLoopback } from "../config/net/private-networks.ts";
import { BALANCER_NAME, MESH_LABEL, NODE_LABEL } from "../config/names.ts";
import { API_KEYS_FILE } from "../templates/front/api-keys.ts";
import { CERTIFICATE_FILE } from "../templates/front/tls.ts";
import { FRONT_PORT, TLS_FOLDER } from "../templates/nginx-layout.ts";

// What an organization may demand of every mesh, whoever wrote its program. Read off the resources, since a program in
// TypeScript sends no arguments of its mesh to Pulumi.

/** A container's port on its host; without `ip` on every address. */
interface Port {
  ip?: string;
  external: number;
  internal: number;
}

/** A resource as the engine shows it to a policy, and what is looked at of the properties of containers and Commands. */
export interface Shown {
  type: string;
  name: string;
  urn: string;
  props: {
    labels?: { label: string; value: string }[];
    image?: string;
    ports?: Port[];
    networksAdvanced?: unknown[];
    volumes?: { containerPath: string }[];
    stdin?: string;
  };
}

const CONTAINER = "docker:index/container:Container";
const COMMAND = "command:local:Command";
/** A version of three numbers, or a hash of what is in it: what `nginx:1.30` means changes from day to day. */
const EXACT_TAG = /:[^/]*(\d+\.\d+\.\d+|[0-9a-f]{12})[^/:]*$/;

/** Whose a container is; undefined for containers that no mesh made. */
function nodeOf({ type, props }: Shown): string | undefined {
  if (type !== CONTAINER) return undefined;
  const valueOf = (label: string) => props.labels?.find((each) => each.label === label)?.value;
  return valueOf(MESH_LABEL) === undefined ? undefined : valueOf(NODE_LABEL);
}

const where = ({ ip = "0.0.0.0", external }: Port) =>
  `${ip.includes(":") ? `[${ip}]` : ip}:${external}`;

/** Ports that other machines can reach. */
const openPorts = ({ props }: Shown): Port[] =>
  (props.ports ?? []).filter(({ ip }) => !ip || !isLoopback(ip));

/**
 * That a node takes requests from whoever reaches it.
 *
 * @returns what is wrong and the way out; undefined where nothing is
 */
export function openNode(resource: Shown): string | undefined {
  const node = nodeOf(resource);
  if (node === undefined || node === BALANCER_NAME) return undefined;
  // A guard is in the network of its node, and asks for the balancer's certificate.
  const [port] = resource.props.networksAdvanced?.length ? [] : openPorts(resource);
  if (!port) return undefined;
  return `node ${node} takes requests from every machine that reaches ${where(port)}; declare access: balancerOnly`;
}

/**
 * That nobody can tell which image a container will be made of next time.
 *
 * @returns what is wrong and the way out; undefined where nothing is
 */
export function movingImage(resource: Shown): string | undefined {
  const node = nodeOf(resource);
  if (node === undefined) return undefined;
  const image = resource.props.image ?? "";
  if (image.includes("@sha256:") || image.startsWith("sha256:") || EXACT_TAG.test(image))
    return undefined;
  const whose = node === BALANCER_NAME ? "the balancer's" : `node ${node}'s`;
  return `${whose} image ${image} is another one tomorrow; declare a whole version (1.2.3) or a digest (@sha256:…)`;
}

/** The front of a mesh where other machines can reach it, and what it demands of them. */
interface OpenFront {
  resource: Shown;
  port: Port;
  hasKeys: boolean;
  hasTls: boolean;
}

function openFronts(resources: readonly Shown[]): OpenFront[] {
  return resources.flatMap((resource) => {
    if (nodeOf(resource) !== BALANCER_NAME) return [];
    const port = openPorts(resource).find(({ internal }) => internal === FRONT_PORT);
    if (!port) return [];
    const secrets = resources.find(
      ({ type, name }) => type === COMMAND && name === `${resource.name}-secrets`,
    );
    const { files } = JSON.parse(secrets?.props.stdin ?? '{"files":{}}') as { files: object };
    const mounts = resource.props.volumes ?? [];
    const hasTls =
      CERTIFICATE_FILE in files || mounts.some(({ containerPath }) => containerPath === TLS_FOLDER);
    return [{ resource, port, hasKeys: API_KEYS_FILE in files, hasTls }];
  });
}

/** What is wrong with a mesh, and the resource that shows it. */
export interface Finding {
  urn: string;
  text: string;
}

/** That whoever reaches a mesh may use it. */
export function openMeshes(resources: readonly Shown[]): Finding[] {
  return openFronts(resources)
    .filter(({ hasKeys }) => !hasKeys)
    .map(({ resource: { urn }, port }) => ({
      urn,
      text: `whoever reaches ${where(port)} may use the mesh; declare balancer.access.apiKeys, or listen on 127.0.0.1`,
    }));
}

/** That API keys go over the wire in plain text. */
export function plainKeys(resources: readonly Shown[]): Finding[] {
  return openFronts(resources)
    .filter(({ hasKeys, hasTls }) => hasKeys && !hasTls)
    .map(({ resource: { urn }, port }) => ({
      urn,
      text: `API keys go to ${where(port)} as plain text; declare balancer.tls, or listen on 127.0.0.1 behind a proxy with TLS`,
    }));
}
