import type { BalancerArgs } from "../../../config/balancer-args.ts";
import type { Known } from "../../../config/mesh-config.ts";
import { dataFile } from "../../../templates/njs-program.ts";
import type { RoutedNode, RouterData } from "../../../templates/router-data.ts";
import type { BalancerOptions } from "../../behaviour/harness/balancer.ts";

/** What a test may set beyond the nodes. */
export interface RoutedOptions extends Pick<BalancerOptions, "docker" | "files"> {
  /** What the program is told otherwise than the config says. */
  data?: Partial<RouterData>;
  /** The same of nodes by name. */
  told?: Readonly<Record<string, Partial<RoutedNode>>>;
  balancer?: Known<BalancerArgs>;
  /** Files of the program that take the place of the real ones. */
  program?: Readonly<Record<string, string>>;
  /** Does not wait until the balancer knows the nodes. */
  unknown?: true;
}

/** What the balancer needs to know of a node. */
export interface RoutedNodeUnderTest extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly places: number;
  readonly models: readonly string[];
  readonly entry: object;
}

/** The files beside nginx.conf as a test wants them. */
export function besideConf(
  files: Readonly<Record<string, string>>,
  { data = {}, told = {}, program = {} }: RoutedOptions,
): Record<string, string> {
  const declared = JSON.parse(
    files["data.js"]!.replace(/^export default |;\n$/g, ""),
  ) as RouterData;
  const nodes = declared.nodes.map((node) => ({ ...node, ...told[node.name] }));
  return { ...files, ...program, ...dataFile({ ...declared, nodes, ...data }) };
}
