import * as pulumi from "@pulumi/pulumi";

/**
 * Whether the program runs under Pulumi's mocks, as users' unit tests and ours do: there no balancer is asked, and
 * there are no resource hooks. Told by the name of the monitor's class, since the SDK says it in no other way, and its
 * class can be had from a path only that is no part of its interface.
 */
export const engineIsMocked = (): boolean =>
  pulumi.runtime.getMonitor()?.constructor.name === "MockMonitor";
