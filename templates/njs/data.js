/**
 * What the stack declares. This file stands in for the rendered one, which has the same name and takes its place
 * beside nginx.conf (see ../njs-program.ts).
 *
 * @type {import("../router-data.ts").RouterData}
 */
export default {
  nodes: [],
  choice: "earliest",
  judged: true,
  longestWaitSeconds: 60,
  waitingPerPlace: 64,
  requestsMost: 1000,
  loadSeconds: 20,
};
