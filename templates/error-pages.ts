import { block, directive, jsonText, type Directive } from "./directive.ts";

interface ErrorPage {
  /** Codes that nginx makes itself and that mean this. */
  codes: readonly number[];
  /** Code that the client sees. */
  status: number;
  message: string;
  retryAfterSeconds?: number;
}

/** What nginx says for itself, always as JSON: API clients can't read its HTML pages. */
const PAGES: readonly ErrorPage[] = [
  { codes: [400], status: 400, message: "bad request" },
  {
    codes: [403],
    status: 403,
    message:
      "this route changes the models of one node and is not served by the load balancer; models are declared in the stack config",
  },
  {
    codes: [404],
    status: 404,
    message: "not found: the load balancer serves the inference and read routes only",
  },
  { codes: [405], status: 405, message: "method not allowed on this route" },
  { codes: [408], status: 408, message: "the request took too long to arrive" },
  { codes: [411], status: 411, message: "a length is required" },
  {
    codes: [413],
    status: 413,
    message: "the request is larger than the load balancer accepts (balancer.maxBodyMiB)",
  },
  { codes: [414], status: 414, message: "the URI is too long" },
  { codes: [431, 494], status: 431, message: "the request headers are too large" },
  { codes: [500], status: 500, message: "the load balancer failed" },
  { codes: [501], status: 501, message: "not implemented" },
  {
    codes: [502, 503],
    status: 503,
    message: "no node can take the request at the moment; try again",
    retryAfterSeconds: 5,
  },
  {
    codes: [504],
    status: 504,
    message: "the node gave no answer in time (balancer.readTimeoutSeconds)",
  },
  { codes: [505], status: 505, message: "HTTP version not supported" },
];

const uri = (page: ErrorPage) => `/mesh-error/${page.status}`;
const variable = (page: ErrorPage) => `$mesh_error_${page.status}`;

/** Per page the text in the shape of the API that was called: Ollama's, or OpenAI's under /v1. */
export function errorTexts(): Directive[] {
  return PAGES.map((page) => {
    const type = page.status < 500 ? "invalid_request_error" : "server_error";
    const openai = { error: { message: page.message, type, param: null, code: null } };
    return block(
      "map",
      ["$request_uri", variable(page)],
      [
        directive("default", jsonText({ error: page.message })),
        directive("~^/v1/", jsonText(openai)),
      ],
    );
  });
}

/** Which code leads to which page, and the pages. Only nginx's own errors: a node's answers pass untouched. */
export function errorPages(): Directive[] {
  return [
    ...PAGES.map((page) => directive("error_page", ...page.codes, `=${page.status}`, uri(page))),
    ...PAGES.map((page) =>
      block(
        "location",
        ["=", uri(page)],
        [
          directive("internal"),
          directive("default_type", "application/json"),
          directive("add_header", "X-Request-ID", "$request_id", "always"),
          ...(page.retryAfterSeconds === undefined
            ? []
            : [directive("add_header", "Retry-After", page.retryAfterSeconds, "always")]),
          directive("return", page.status, variable(page)),
        ],
      ),
    ),
  ];
}
