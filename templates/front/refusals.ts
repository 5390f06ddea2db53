/** Codes within nginx that lead to a page of their own; clients see the page's. */
export const REFUSED = {
  /** The client's network may not come in. */
  network: 460,
  /** The name that the client uses is not the balancer's. */
  host: 465,
  /** The page that asks is not declared. */
  origin: 461,
  /** No key, or none that is known. */
  key: 401,
  /** No refusal: the answer to a browser's preflight. */
  preflight: 462,
  /** No refusal: there is no room to hold the body, so it is passed on as it comes in. */
  held: 463,
  /** The same below a declared folder. */
  heldBelow: 464,
} as const;
