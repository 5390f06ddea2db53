export { OllamaMesh } from "./ollama-mesh.ts";
export {
  Algorithm,
  GpuVendor,
  type BalancerArgs,
  type GpuArgs,
  type KeepaliveArgs,
  type ListenArgs,
  type NodeArgs,
  type NodeStatus,
  type OllamaMeshArgs,
  type OllamaSettings,
  type RolloutArgs,
} from "./mesh-args.ts";
