import type { Scenario } from "../scenario.ts";
import { balancerImage, balancerImageTls } from "./balancer-image.ts";
import { balancing, frontDoor, otherPort, subnet } from "./balancer.ts";
import { cancelled } from "./cancelled.ts";
import { engineRestarts } from "./machines/engine-restarts.ts";
import { fullLoad } from "./full-load.ts";
import { hosts } from "./machines/hosts.ts";
import { models } from "./models.ts";
import { nodes } from "./nodes.ts";
import { seen } from "./seen/seen.ts";
import { resize } from "./resize.ts";
import { images, settings } from "./rolls.ts";
import { diskFull, refusedConfig, refusedImages } from "./refused.ts";
import { badImages, stoppedRoll } from "./stopped-rolls.ts";
import { twoBalancers } from "./two-balancers.ts";
import { traffic } from "./traffic.ts";
import { trouble, wedged } from "./trouble.ts";

/** Every scenario, in the order in which they are run and reported. */
export const SCENARIOS: readonly Scenario[] = [
  nodes,
  traffic,
  images,
  settings,
  balancing,
  frontDoor,
  balancerImage,
  balancerImageTls,
  otherPort,
  subnet,
  twoBalancers,
  models,
  resize,
  refusedImages,
  diskFull,
  refusedConfig,
  badImages,
  stoppedRoll,
  trouble,
  wedged,
  cancelled,
  seen,
  fullLoad,
  hosts,
  engineRestarts,
];
