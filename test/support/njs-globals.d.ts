// What the program in templates/njs uses of njs, for the tests that run it in Node: their stand-in provides just
// this. The program itself is checked against njs's own declarations (templates/njs/tsconfig.json).

interface NgxSharedDict<V extends string | number = string | number> {
  readonly capacity: number;
  add(key: string, value: V, timeout?: number): boolean;
  clear(): void;
  delete(key: string): boolean;
  freeSpace(): number;
  get(key: string): V | undefined;
  incr(key: string, delta: V & number): number;
  items(maxCount?: number): [string, V][];
  keys(maxCount?: number): string[];
  pop(key: string): V | undefined;
  set(key: string, value: V, timeout?: number): unknown;
}

interface NgxFetchOptions {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
}

type NginxVariables = Record<string, string | undefined>;

interface NginxHTTPRequest {
  readonly method: string;
  readonly uri: string;
  readonly headersIn: Readonly<Record<string, string | undefined>>;
  readonly headersOut: Record<string, string | undefined>;
  readonly variables: NginxVariables;
  readonly requestBuffer?: Buffer;
  readonly requestText?: string;
  status: number;
  done(): void;
  error(message: string): void;
  internalRedirect(uri: string): void;
  return(status: number, body?: string): void;
  sendBuffer(data: string | Uint8Array, options?: { last?: boolean; flush?: boolean }): void;
}

declare const ngx: {
  readonly ERR: number;
  log(level: number, message: string): void;
  readonly shared: Record<string, NgxSharedDict>;
  fetch(url: string, options?: NgxFetchOptions): Promise<Response>;
};
