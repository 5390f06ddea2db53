/** Where the config volume is mounted. */
export const CONFIG_FOLDER = "/etc/nginx/mesh";

/** Where the volume with what API keys have used is mounted. */
export const USAGE_FOLDER = "/var/lib/ollama-mesh";

/** What nginx is started with. */
export const CONFIG_FILE = `${CONFIG_FOLDER}/current/nginx.conf`;

/** User and group nginx of the official image; the balancer runs as it, without any capability. */
export const NGINX_USER = "101:101";

/** Port of the front inside the container; the declared one is published to it. */
export const FRONT_PORT = 8080;

/** Port inside the guard's container. */
export const GUARD_PORT = 8443;

/** Port inside the container, on its loopback only. */
export const LOOPBACK_PORT = 8081;

/** Where each nginx of the balancer is asked by itself, in a folder that is its container's alone. */
export const OWN_SOCKET = "/tmp/mesh.sock";

/** Port inside the container of the listener for the person who runs the mesh. */
export const MANAGEMENT_PORT = 8082;

/** Files per worker, and the limit that the container gets: two for each connection that spills to disk, and some. */
export const OPEN_FILES = 18_432;

/** Port inside the container, on the mesh network only: what nodes ask about themselves. */
export const VERDICT_PORT = 8084;

/** Port inside the container whose plain HTTP requests are sent to HTTPS. */
export const REDIRECT_PORT = 8083;

/** Where the folder of certificateFile and keyFile is mounted. */
export const TLS_FOLDER = "/etc/nginx/tls";
