// Numbers of nginx that nobody declares, each with its reason. What may be declared has its default in
// config/defaults.ts.

/** Of the nginx processes: the balancer's and the guards'. */
export const PROCESS = {
  /** Two per stream: client and node. 8192 is some 4,000 streams per worker. */
  workerConnections: 8192,
  /** Workers of an older config live as long as their streams; an hour is longer than any answer that still goes on. */
  shutdownTimeout: "1h",
  /** nginx's own default: idle connections cost little, and clients that come back save a handshake. */
  keepaliveTimeout: "75s",
  /** Ten times nginx's own: a client's pool is not closed under its requests every thousand of them. */
  keepaliveRequests: 10_000,
} as const;

/** What clients of the front may take for how long. */
export const FRONT = {
  /** A client that vanished without a word is found after 60 + 4 * 15 s, two minutes, instead of two hours. */
  tcpKeepalive: "60s:15s:4",
  /** A megabyte of prompt stays in memory; what is larger goes through a file. */
  bodyBuffer: "1m",
  /** Headers come in one packet or a few; who takes longer only holds a connection. */
  headerTimeout: "15s",
  /** As many and as long lines: cookies of single sign-on have tens of kilobytes. One is taken as soon as a line needs it. */
  headerBuffers: [4, "32k"],
  /** Between two reads of a body: nginx's own default. */
  bodyTimeout: "60s",
  /** Between two writes to a client: nginx's own default. A client that reads nothing for so long has gone. */
  sendTimeout: "60s",
} as const;

/**
 * Bodies that the balancer holds at the same time, by the digits of their length. What is larger than FRONT.bodyBuffer lies in
 * /tmp, and nginx's program reads it into memory once more: 1.3 GB at most of NGINX.memoryMib.
 */
export const BODIES = {
  /** Size of /tmp: those of seven digits, and larger ones, at their largest. */
  roomMiB: 384,
  /** Of 10 to 100 KB: 100 MB. */
  places5: 1000,
  /** Up to a megabyte: 100 MB. */
  places6: 100,
  /** Up to ten, such as pictures for a model that sees: 240 MB. */
  places7: 24,
  /**
   * Those that do not tell (chunked: Spring's and other clients). Most are short; where all were long, /tmp is full
   * sooner, and the rest gets 503. Two had room before, as the largest have, and of three at once one was a 404.
   */
  placesUntold: 100,
  /** Larger ones: so many as have room here at their largest, balancer.maxBodyMib. */
  largeMiB: 128,
  /** The smallest: a zone has one entry. */
  zoneSize: "32k",
  /** Per body that passes without being held: nginx's own default. */
  passingBuffer: "16k",
} as const;

/** Headers of a node's answer. */
export const ANSWER_HEADERS: AnswerHeaders = {
  /** 64 KiB, and the line of the status. */
  size: "68k",
  /** nginx's least: its default of two busy ones, and one more. */
  buffers: 4,
};

/** Room for the headers of an answer. */
export interface AnswerHeaders {
  size: string;
  buffers: number;
}

/** The access log. */
export const LOG = {
  /** What a pipe takes in one piece, so that lines of two workers do not mix. */
  buffer: "4k",
  /** Lines written one by one delay first tokens. */
  flush: "1s",
} as const;

/** What the listener for the person who runs the mesh lets pass, both ways. */
export const MANAGEMENT_PROXY = {
  /** Between two pieces of an upload, from the client and to the node: a disk may be busy for minutes with a model. */
  transferTimeout: "300s",
} as const;

/** Tables of keys. */
export const MAP_TABLES = {
  /** The longest entry of a map, a key of 256 characters, and nginx's own bytes around it. */
  bucketBytes: 512,
  /** nginx's default, enough for some 500 entries. */
  smallestBytes: 2048,
  /** Twice nginx's own. */
  variables: 2048,
} as const;

/** Meshes that are nodes of each other. */
export const LOOPS = {
  /** So many that a request has come through are a loop; three in a row are more than anybody was seen to have. */
  meshes: 3,
} as const;

/** Sessions by header. */
export const STICKY = {
  /** 16 sessions per 4 KiB page: some 32,000. When it is full, the one unused for longest goes. A reload keeps it. */
  zone: "8m",
} as const;

/** Names of nodes. */
export const RESOLVER = {
  /** How long an address that the resolver gave is taken for true, whatever its TTL says. */
  valid: "30s",
  /** A resolver that has not answered by then is taken for down; nginx goes on with the addresses that it has. */
  timeout: "5s",
} as const;

/** Groups of one server, which need a zone so that its name can be looked up. */
export const ONE_SERVER = {
  /** The smallest that is of use: 63 servers. See nodes/zone.ts. */
  zone: "64k",
} as const;

/** An nginx that another nginx of the mesh asks: a node's hop, a guard. */
export const BEHIND_NGINX = {
  /** How long it waits for either side: longer than the group, which is to decide. */
  timeout: "24h",
  /** So many on one connection that the asking nginx, by its own number, is the one to close it. */
  keepaliveRequests: 1_000_000,
  /** Twice as many and large as nginx's own: the group has added headers to what the front let in. */
  headerBuffers: [8, "64k"],
  /** Headers of an answer. More than the asking nginx takes, so that it is the one to refuse, and says why. */
  answerHeaders: { size: "136k", buffers: 4 },
} as const;

/** A node's hop. */
export const HOP = {
  /** A name with several addresses: one of them may be down. */
  tries: 2,
} as const;

/** The nginx beside a node with access: balancerOnly. */
export const GUARD_NGINX = {
  /** A balancer that vanished is found after 15 + 4 * 5 s: until then the node works for nobody. */
  tcpKeepalive: "15s:5s:4",
  /** A container that was made anew may have another address, and Docker's resolver is on the same machine. */
  resolverValid: "2s",
  /** The balancer's certificate is its own authority. */
  verifyDepth: 1,
} as const;
