import type { Scenario } from "../scenario.ts";
import { balancerImage, balancing, frontDoor, subnet } from "./balancer.ts";
import { hosts } from "./hosts.ts";
import { models } from "./models.ts";
import { nodes } from "./nodes.ts";
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
  hosts,
];
