import type * as pulumi from "@pulumi/pulumi";

/** The properties of an Output object as single Outputs, so that a preview shows which of them is not known yet. */
export function spread<T extends object>(
  whole: pulumi.Output<T>,
  shape: T,
): { [Key in keyof T]: pulumi.Output<T[Key]> } {
  return Object.fromEntries(
    Object.keys(shape).map((key) => [key, whole.apply((known) => known[key as keyof T])]),
  ) as never;
}
