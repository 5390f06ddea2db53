import { NGINX_USER } from "../../templates/nginx-layout.ts";
import { dockerEngine, DockerError } from "../engine/docker-engine.ts";

/** Below it the program breaks in ways that nginx finds at a request only. */
export const NJS_LEAST = "1.0.1";

/** Seconds for a container that starts, is asked and ends. */
const SECONDS = 60;

const TEMPORARY =
  "client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;";

/**
 * Asks by running a module, since neither `nginx -V` nor `nginx -t` tells: with the engine that the program needs a
 * module's text is run at the first request only.
 */
const NJS_SCRIPT = `cd /tmp
echo 'export default { version: (r) => r.return(200, njs.version) };' >version.js
echo 'load_module modules/ngx_http_js_module.so;
pid /tmp/pid; error_log stderr;
events {}
http {
  ${TEMPORARY}
  access_log off; js_engine qjs; js_import mesh from /tmp/version.js;
  server { listen unix:/tmp/socket; location / { js_content mesh.version; } }
}' >nginx.conf
nginx -e stderr -c /tmp/nginx.conf && curl -fs --unix-socket /tmp/socket http://njs/`;

const OTEL_SCRIPT = `cd /tmp
echo 'load_module modules/ngx_otel_module.so;
pid /tmp/pid; error_log stderr;
events {}
http {
  ${TEMPORARY}
  access_log off; otel_exporter { endpoint 127.0.0.1:4317; } otel_service_name mesh;
}' >nginx.conf
nginx -t -e stderr -c /tmp/nginx.conf`;

/**
 * Version of the njs module in an nginx image.
 *
 * @returns "1.0.2"; empty where it has none, or one without the engine that the program needs
 * @throws DockerError when the engine cannot run it
 */
export const njsVersion = async (endpoint: string, image: string): Promise<string> =>
  (await answerOf(endpoint, image, NJS_SCRIPT)) ?? "";

/**
 * Whether an nginx image has the module that traces.
 *
 * @throws DockerError when the engine cannot run it
 */
export const hasOtelModule = async (endpoint: string, image: string): Promise<boolean> =>
  (await answerOf(endpoint, image, OTEL_SCRIPT)) !== undefined;

/** What a script says in a container of the image; undefined where it fails. */
async function answerOf(
  endpoint: string,
  image: string,
  script: string,
): Promise<string | undefined> {
  try {
    return await dockerEngine(endpoint).docker(
      [
        ...["run", "--rm", "--network", "none", "--user", NGINX_USER, "--cap-drop", "ALL"],
        ...["--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp:mode=1777"],
        ...["--entrypoint", "sh", image, "-c", script],
      ],
      { timeoutSeconds: SECONDS },
    );
  } catch (error) {
    // nginx or curl ended with an error of its own: 125 and above are Docker's.
    if (error instanceof DockerError && (error.code ?? 125) < 125) return undefined;
    throw error;
  }
}

/** Whether a version is new enough. */
export const isKnownNjs = (version: string): boolean =>
  version !== "" && NJS_LEAST.localeCompare(version, "en", { numeric: true }) <= 0;
