/**
 * A subnet that no mesh gets by itself, no machine of the lab is in, and no other process here has: of the
 * addresses that providers share (RFC 6598).
 */
export const ownSubnet = (): string =>
  `100.${64 + (Math.floor(process.pid / 256) % 64)}.${process.pid % 256}.0/24`;
