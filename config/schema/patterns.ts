import { isIP } from "node:net";
import { z } from "zod";
import type { Known } from "../mesh-config.ts";
import { parseEndpoint } from "../net/engine-endpoint.ts";
import { parseIpNetwork } from "../net/ip-network.ts";

/** A schema that the compiler holds to the interface it checks. */
export type Shape<T> = z.ZodType<Known<T>>;

// The kinds of value that a user may write, each as a schema. Every error text completes the
// sentence "<path> ..."; the value is added where the problems are written down. None of them lets
// through what has a meaning in nginx, a shell or Docker.

/** A whole number within limits. */
export const whole = (low: number, high: number) => {
  const error = `must be a whole number, ${low}-${high}`;
  return z.int({ error, abort: true }).min(low, error).max(high, error);
};

/** true or false. */
export const flag = () => z.boolean("must be true or false");

/** What Pulumi makes of a day or a time that stands in a stack file without quotes. */
const YAML_DATE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \S+$/;

/** Any text: but for a date, which would arrive as another text than was written. */
export const anyText = (error: string) =>
  z.string(error).refine((text) => !YAML_DATE.test(text), "is a date in YAML; put it in quotes");

/** Text of a pattern. */
export const matching = (pattern: RegExp, error: string) => z.string(error).regex(pattern, error);

/** One of a set of words. */
export const oneOf = <T extends Record<string, string>>(values: T) =>
  z.enum(values, `must be one of ${Object.values(values).join(", ")}`);

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** Names of containers have underscores too; nginx.conf has groups of such names. */
const CONTAINER_NAME = /^(?=.{1,128}$)(?!(node|tls|key)_)[a-z0-9]+([_-]+[a-z0-9]+)*$/i;

/** Without a zone ("%eth0"), which nginx refuses. */
const isPlainIp = (text: string) => isIP(text) !== 0 && !text.includes("%");

/** A name that ends in a number is a mistyped address. */
const isAddress = (text: string) =>
  isIP(text) !== 0 ? isPlainIp(text) : HOST_NAME.test(text) && !/(^|\.)\d+$/.test(text);

const isReachable = (text: string) =>
  isAddress(text) || (CONTAINER_NAME.test(text) && /\D/.test(text));

/** Docker's reference grammar, in short: no spaces, no option-like start. */
const IMAGE = /^[a-z0-9][\w.:/-]{0,254}(@sha256:[0-9a-f]{64})?$/i;

const ENGINE =
  "must be a Docker engine as unix:///path, ssh://user@host:port or tcp://host:port; an IPv6 address in brackets, a backslash in a user name as %5C";

/** In a state there may be a port that was never one; in a stack file it is a mistake. */
const isEngine = (text: string): boolean => {
  const parsed = parseEndpoint(text);
  return parsed !== undefined && Number(parsed.port ?? 1) >= 1 && Number(parsed.port ?? 1) <= 65535;
};

/** A Docker engine's endpoint. */
export const engine = z.string(ENGINE).refine(isEngine, ENGINE);

/** A Docker image. */
export const image = matching(IMAGE, "must be an image as name:tag or name@sha256:digest");

/** An IP address or host name. */
export const address = z
  .string("must be an IP address or host name")
  .refine(isAddress, "must be an IP address or host name, without scheme or port");

/** The same, or the name of a container. */
export const nodeAddress = z
  .string("must be an IP address or host name")
  .refine(isReachable, "must be an IP address or host name, without scheme or port");

/** A host name. */
export const hostName = z
  .string("must be a host name")
  .refine((text) => isIP(text) === 0 && isAddress(text), "must be a host name, not an address");

/** One or more certificates. */
export const certificates = (error: string) =>
  matching(/^-----BEGIN CERTIFICATE-----\r?\n[\s\S]+-----END CERTIFICATE-----\s*$/, error);

/** An IP address. */
export const ipAddress = z
  .string("must be an IP address")
  .refine(isPlainIp, 'must be an IP address of the host; "0.0.0.0" is all of them');

/** The IP address of another machine. */
export const serverAddress = z
  .string("must be an IP address")
  .refine(isPlainIp, "must be an IP address");

/** A network in CIDR form, or one address. */
export const network = z
  .string("must be a network")
  .refine(
    (text) => !text.includes("%") && parseIpNetwork(text) !== undefined,
    'must be a network as "192.168.0.0/16" or an IP address',
  );

/** A path of an URL as clients ask for it. */
export const urlPath = matching(
  /^\/(?!\/)[A-Za-z0-9._~/-]{0,200}$/,
  'must be a path as "/predict" or "/files/", of letters, digits and ._~-',
);

/** The same with a query, as a server is asked for its health. */
export const healthPath = matching(
  /^\/(?!\/)[A-Za-z0-9._~/-]{0,200}(\?[A-Za-z0-9._~=&%+:,/-]{0,200})?$/,
  'must be a path as "/health" or "/health?timeout=5"',
);

/** Name of an HTTP header. */
export const headerName = matching(
  /^[A-Za-z][A-Za-z0-9-]{0,60}$/,
  'must be the name of a header as "X-Session-ID"',
);

/** A path that stands before the API. */
export const basePath = matching(
  /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]{1,60}){1,4}$/,
  'must be a path as "/ollama", of letters, digits and ._~-, without "/" at its end',
);

/** A file of the balancer's host. */
export const hostFile = matching(
  /^\/(?!\/)(?!.*\/\.\.(\/|$))[\w./@-]{1,200}$/,
  'must be an absolute path on the balancer\'s host, without ".."',
).exactOptional();

/** A Docker network that is not Docker's own. */
export const dockerNetwork = matching(
  /^(?!(none|host|bridge|default)$)[a-zA-Z0-9][\w.-]{0,127}$/,
  "must be a Docker network that somebody has made, by its name",
);
