// Random weights as 16-bit floats: the same seed gives the same bytes on every machine.

/**
 * The generator mulberry32: small, and only integer arithmetic, so no platform can round it differently.
 *
 * @param {number} seed
 * @returns {() => number} numbers in [0, 1)
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A matrix of values spread evenly around 0, with the variance that keeps activations at `gain`.
 *
 * @param {() => number} random
 * @param {{rows: number, columns: number, gain?: number, zeroRows?: number}} shape
 *   the first `zeroRows` rows hold nothing but zeros
 * @returns {Uint8Array} little-endian half floats, row after row
 */
export function halfFloatMatrix(random, { rows, columns, gain = 1, zeroRows = 0 }) {
  const limit = gain * Math.sqrt(3 / columns);
  const bytes = new DataView(new ArrayBuffer(rows * columns * 2));
  for (let i = zeroRows * columns; i < rows * columns; i++) {
    bytes.setUint16(i * 2, halfFloat((2 * random() - 1) * limit), true);
  }
  return new Uint8Array(bytes.buffer);
}

const asFloat = new Float32Array(1);
const asBits = new Uint32Array(asFloat.buffer);

/**
 * The bits of the 16-bit float nearest to a value; too large ones become infinity. (Node 20 has no
 * Float16Array.)
 *
 * @param {number} value
 */
export function halfFloat(value) {
  asFloat[0] = value;
  const bits = asBits[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = (bits & 0x7fffff) | 0x800000;
  if (exponent > 15) return sign | 0x7c00;
  if (exponent < -25) return sign;
  // Below 2^-14 a half float has no hidden bit, so more of the fraction is cut off.
  const cut = exponent < -14 ? 13 + (-14 - exponent) : 13;
  const base = exponent < -14 ? 0 : (exponent + 14) << 10;
  const half = base + (fraction >>> cut);
  const rest = fraction & ((1 << cut) - 1);
  const middle = 1 << (cut - 1);
  const up = rest > middle || (rest === middle && (half & 1) === 1);
  return sign | (half + (up ? 1 : 0));
}
