/**
 * Meshes that are nodes of each other. Each would list what it has of the other as its own, and so a model that neither has any
 * more for ever: so a mesh says who it is when it asks for lists, and is told what the other has beside it.
 */
import data from "./data.js";
import { hash } from "./requests/session.js";

let own = "";

/** This mesh in a header Via (RFC 9110). Another one has other nodes: this one, for instance. */
export const ownName = () => (own ||= `1.1 ollama-mesh-${hash(JSON.stringify(data.nodes))}`);

/**
 * The mesh that a header Via names; "" for none.
 *
 * @param {string | null | undefined} via
 */
export const meshIn = (via) => /\bollama-mesh-\w+/.exec(via ?? "")?.[0] ?? "";
