/** Codes within nginx that lead to a page of their own; clients see the page's. */
export const REFUSED = {
  /** The client's network may not come in. */
  network: 460,
  /** The page that asks is not declared. */
  origin: 461,
  /** No key, or none that is known. */
  key: 401,
  /** No refusal: the answer to a browser's preflight. */
  preflight: 462,
} as const;
