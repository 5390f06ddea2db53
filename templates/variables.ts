/** Variable with the name of the key that a request came with; empty where it has none that is known. */
export const KEY_NAME = "$mesh_key";

/** Variable with the methods of a route, for the header that goes with 405; each location sets it. */
export const ALLOWED_METHODS = "$mesh_allowed_methods";

/** Variable with the seconds after which a refused client may come again. */
export const LIMIT_SECONDS = "$mesh_limit_seconds";

/** Variable with the id of a request: the client's if it is one, else a new one. */
export const REQUEST_ID = "$mesh_request_id";

/** Variable with the address that limits go by; one for a whole /64 of IPv6, since that is what one client gets. */
export const LIMITED_ADDRESS = "$mesh_address";

/** Variable with the address of the client; empty where nobody can know it (see clientMap). */
export const CLIENT = "$mesh_client";

/** Name of the group of nodes. */
export const UPSTREAM = "ollama";
