import type { BalancerPlan } from "../../plan/balancer-plan.ts";
import { API_KEYS_FILE, keyEntries } from "./api-keys.ts";
import { print } from "../directive.ts";
import { CERTIFICATE_FILE, KEY_FILE } from "./tls.ts";

/** What must not stand in the config itself and lies beside it, readable for nginx only: content by file name. */
export function secretFiles({ tls, access }: BalancerPlan): Record<string, string> {
  return {
    ...(access.apiKeys?.length ? { [API_KEYS_FILE]: print(keyEntries(access.apiKeys)) } : {}),
    ...(tls?.certificate === undefined ? {} : { [CERTIFICATE_FILE]: withEnd(tls.certificate) }),
    ...(tls?.key === undefined ? {} : { [KEY_FILE]: withEnd(tls.key) }),
  };
}

const withEnd = (pem: string) => `${pem.trim()}\n`;
