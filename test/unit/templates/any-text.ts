import fc from "fast-check";

/** Text that nginx can hold: no dollar, no control character. */
export const holdable = fc
  .string({ unit: "binary", maxLength: 40 })
  .filter((text) => !/[$\u0000-\u001f\u007f]/.test(text));

/** More of what is dangerous than chance would bring. */
export const nasty = fc
  .array(fc.constantFrom(..."\"'\\;{}# ()[]~^*?=,:@/+-.%!&|<>aé💥"), { maxLength: 12 })
  .map((chars) => chars.join(""));
