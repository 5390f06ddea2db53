import * as pulumi from "@pulumi/pulumi";

import { TEST_CERTIFICATE, TEST_KEY } from "./test-certificate.ts";

const PROJECT = "ollama-mesh";
const STACK = "test";

/** A resource as the engine was asked to register it. */
export interface Registered {
  type: string;
  name: string;
  urn: string;
  /** Type and name of the parent: "ollama-mesh:index:OllamaMesh lab"; none for the root. */
  parent: string;
  /** Names with types of what it depends on, sorted, components' children included. */
  dependsOn: string[];
  /** Type and name of its provider, where one was given. */
  provider: string;
  /** Options that differ from Pulumi's defaults. */
  options: Partial<Options>;
  /** As sent, secrets in their envelopes (see `secret`). */
  inputs: Record<string, unknown>;
}

interface Options {
  protect: boolean;
  deleteBeforeReplace: boolean;
  retainOnDelete: boolean;
  ignoreChanges: string[];
  replaceOnChanges: string[];
  replacementTrigger: unknown;
  additionalSecretOutputs: string[];
}

/** What a build registered and returned. */
export interface Recorded<T> {
  resources: Registered[];
  result: T;
}

const SECRET = "4dabf18193072939515e22adb298388d";
const SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270";

/** A value as Pulumi's wire format writes it when it is secret. */
export const secret = (value: unknown) => ({ [SECRET]: SECRET_MARK, value });

/** The value in its envelope, or as it is. */
export function reveal(value: unknown): unknown {
  return isSecret(value) ? value.value : value;
}

/** Whether a value is in the envelope of secrets. */
export function isSecret(value: unknown): value is { value: unknown } {
  return (
    typeof value === "object" && value !== null && SECRET in value && value[SECRET] === SECRET_MARK
  );
}

/** What the engine's side of a request offers; the SDK exports no type of it. */
interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getDependenciesList(): string[];
  getProtect(): boolean;
  getDeletebeforereplace(): boolean;
  getRetainondelete(): boolean;
  getIgnorechangesList(): string[];
  getReplaceonchangesList(): string[];
  getReplacementTrigger(): { toJavaScript(): unknown } | undefined;
  getAdditionalsecretoutputsList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> };
}

interface Monitor {
  registerResource(request: Request, callback: (error: unknown, response: unknown) => void): void;
}

/**
 * Runs a program against Pulumi's mocks and returns every resource in the order of their names. A
 * provider's computed properties are those given; ids are type and name.
 *
 * @param config of the stack, as text or JSON by full key
 */
export async function record<T>(
  build: () => T | Promise<T>,
  {
    preview = false,
    stack = STACK,
    config = {},
    secretKeys = [],
  }: {
    preview?: boolean;
    stack?: string;
    config?: Record<string, string>;
    secretKeys?: string[];
  } = {},
): Promise<Recorded<T>> {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: `${type} ${name}`,
        state: { ...(inputs as object), ...printed(inputs as Record<string, unknown>) },
      }),
      call: () => ({}),
    },
    PROJECT,
    stack,
    preview,
  );
  pulumi.runtime.setAllConfig(config, secretKeys);
  const seen: { request: Request; urn: string }[] = [];
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const original = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    original(request, (error, response) => {
      const urn = (response as { getUrn(): string } | undefined)?.getUrn() ?? "";
      seen.push({ request, urn });
      callback(error, response);
    });
  try {
    const result = await build();
    await pulumi.runtime.disconnect();
    refuseDuplicates(seen.map(({ urn }) => urn));
    return { resources: describe(seen), result };
  } catch (error) {
    // What is already under way must not run into the next test.
    await pulumi.runtime.disconnect();
    throw Object.assign(new BuildError(error), { resources: describe(seen) });
  }
}

/** As the engine does: of two resources with one URN it takes neither. Mocks take both. */
function refuseDuplicates(urns: readonly string[]): void {
  const twice = urns.filter((urn, at) => urns.indexOf(urn) !== at);
  if (twice.length > 0) throw new Error(`Duplicate resource URN ${twice.join(", ")}`);
}

const MIGRATES = JSON.stringify({ migrates: true });

/** What a step printed, where other resources are made with it. */
function printed({ create }: Record<string, unknown>): { stdout?: string } {
  if (String(create).includes('steps.run("migratesQueues")')) return { stdout: MIGRATES };
  if (!String(create).includes('steps.run("makeLink")')) return {};
  const identity = { certificate: TEST_CERTIFICATE, key: TEST_KEY };
  return { stdout: JSON.stringify({ server: identity, client: identity }) };
}

/** A build threw; what it had registered by then is in `resources`. */
export class BuildError extends Error {
  readonly resources: Registered[] = [];
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "BuildError";
  }
}

function describe(seen: { request: Request; urn: string }[]): Registered[] {
  const byUrn = new Map(
    seen.map(({ request, urn }) => [urn, `${request.getType()} ${request.getName()}`]),
  );
  const named = (urn: string) => (urn ? (byUrn.get(urn) ?? urn) : "");
  return seen
    .map(({ request, urn }): Registered => {
      // A provider is referred to as urn::id.
      const reference = request.getProvider();
      const provider = [...byUrn.keys()].find((each) => reference.startsWith(`${each}::`));
      return {
        type: request.getType(),
        name: request.getName(),
        urn,
        parent: named(request.getParent()),
        dependsOn: [...new Set(request.getDependenciesList().map(named))].sort(),
        provider: named(provider ?? reference),
        options: options(request),
        inputs: request.getObject().toJavaScript(),
      };
    })
    .sort((a, b) => (a.urn < b.urn ? -1 : 1));
}

function options(request: Request): Partial<Options> {
  const all: Options = {
    protect: request.getProtect(),
    deleteBeforeReplace: request.getDeletebeforereplace(),
    retainOnDelete: request.getRetainondelete(),
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    replacementTrigger: request.getReplacementTrigger()?.toJavaScript(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value)),
  );
}

/** The value of an Output, once everything is registered. */
export const valueOf = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => void output.apply((value) => resolve(value)));

/** The one resource of a type and name. */
export function one(resources: readonly Registered[], type: string, name: string): Registered {
  const found = resources.filter((each) => each.type === type && each.name === name);
  if (found.length !== 1) throw new Error(`${found.length} resources are ${type} ${name}`);
  return found[0]!;
}

/** What a step gets on stdin. */
export const stepInput = (resource: Registered): Record<string, unknown> =>
  JSON.parse(String(reveal(resource.inputs["stdin"]))) as Record<string, unknown>;
