import { posix } from "node:path";
import type { BalancerPlan } from "./balancer-plan.ts";

/** Where steps find the balancer: fixed names, so that nothing that depends on it is replaced with it. */
export const balancerRef = ({ endpoint, container, volume, network, tls }: BalancerPlan) => ({
  endpoint,
  container,
  volume,
  network,
  ...(tls?.certificateFile ? { tlsFolder: posix.dirname(tls.certificateFile) } : {}),
});

/** Where the balancer runs and keeps its config. */
export interface BalancerRef {
  endpoint: string;
  container: string;
  volume: string;
  network: string;
  /** Folder of its host with certificate and key, where they are files. */
  tlsFolder?: string;
}

/** Whether two are the same one: the two balancers of a mesh have containers of one name. */
export const isSameBalancer = (one: BalancerRef, other: BalancerRef): boolean =>
  one.container === other.container && one.endpoint === other.endpoint;
