import { createSocket, type Socket } from "node:dgram";

const NXDOMAIN = 3;
const TYPE_A = 1;
/** Flags of an answer: response, recursion desired and available. */
const ANSWER = 0x8180;

/** A DNS server that knows what it is told: addresses by name; any other name does not exist. */
export class ToyDns implements AsyncDisposable {
  readonly names: Record<string, readonly string[]> = {};
  /** How often it was asked for an address. */
  asked = 0;
  readonly #socket: Socket = createSocket("udp4");

  static async start(address: string): Promise<ToyDns> {
    const dns = new ToyDns();
    dns.#socket.on("message", (query, from) => {
      dns.#socket.send(dns.#answer(query), from.port, from.address);
    });
    await new Promise<void>((resolve) => dns.#socket.bind(0, address, resolve));
    return dns;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(query: Buffer): Buffer {
    const { name, end } = readName(query);
    const type = query.readUInt16BE(end);
    if (type === TYPE_A) this.asked++;
    const known = this.names[name];
    const addresses = type === TYPE_A ? (known ?? []) : [];
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(ANSWER | (known ? 0 : NXDOMAIN), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    return Buffer.concat([header, query.subarray(12, end + 4), ...addresses.map(record)]);
  }
}

/** The name that a query asks for, and where it ends. */
function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}

/** An address record that refers back to the name in the question. */
function record(address: string): Buffer {
  const head = Buffer.from([0xc0, 12, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4]);
  return Buffer.concat([head, Buffer.from(address.split(".").map(Number))]);
}
