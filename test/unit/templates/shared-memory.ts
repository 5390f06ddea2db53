/** As much of nginx's shared memory as is used. */
class Zone {
  readonly #values = new Map<string, number | string>();
  readonly capacity = 1000;
  /** Bytes that are free. */
  free = 1000;
  freeSpace = () => this.free;
  add = (key: string, value: number | string) => !this.#values.has(key) && this.set(key, value);
  get = (key: string) => this.#values.get(key);
  set = (key: string, value: number | string) => (this.#values.set(key, value), true);
  delete = (key: string) => this.#values.delete(key);
  incr = (key: string, by: number) => {
    const sum = Number(this.#values.get(key) ?? 0) + by;
    this.#values.set(key, sum);
    return sum;
  };
  pop = (key: string) => {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  };
  items = () => [...this.#values];
  keys = () => [...this.#values.keys()];
  clear = () => this.#values.clear();
}

/** By their names. */
export const zones = Object.fromEntries(
  ["numbers_1", "held_1", "texts_1", "leases_1", "counters_2", "history_1", "usage_1"].map(
    (name) => [`mesh_${name}`, new Zone()],
  ),
);
