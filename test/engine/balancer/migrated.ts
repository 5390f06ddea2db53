// What the first `up` does to the balancer of a version that had one container for it: see docs/replacing-nginx.md.

/** The changes, in the words of a preview, without the stack's name. */
export const MIGRATED = [
  "create balancer-joined",
  "create balancer-kernel",
  "create balancer-nginx",
  "create-replacement balancer",
  "create-replacement balancer-serving",
  "delete-replaced balancer",
  "delete-replaced balancer-serving",
];
