export { OllamaMesh } from "./ollama-mesh.ts";
export {
  Algorithm,
  RetryProfile,
  RouteSet,
  type AccessArgs,
  type ApiKeyArgs,
  type BalancerArgs,
  type KeepaliveArgs,
  type LimitArgs,
  type ListenArgs,
  type ManagementArgs,
  type RetryArgs,
  type RouteArgs,
  type RoutesArgs,
  type StickyArgs,
  type TlsArgs,
} from "../config/balancer-args.ts";
export type { NodeStatus, OllamaMeshArgs, RolloutArgs } from "../config/mesh-args.ts";
export {
  GpuVendor,
  NodeAccess,
  type GpuArgs,
  type MountArgs,
  type NodeArgs,
  type NodeTlsArgs,
  type OllamaSettings,
  type ServiceArgs,
} from "../config/node-args.ts";
