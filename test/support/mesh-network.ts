// The network of a mesh called lab, and the nodes' addresses in it: both follow from names alone.

export const MESH_NETWORK = {
  subnet: "10.109.48.0/20",
  gateway: "10.109.48.1",
  balancer: "10.109.48.2",
} as const;

export const ADDRESS = { one: "10.109.54.17", two: "10.109.54.107", three: "10.109.61.4" } as const;
