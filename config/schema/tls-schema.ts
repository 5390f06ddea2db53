import { z } from "zod";
import type { TlsArgs } from "../balancer-args.ts";
import { certificates, hostFile, matching, type Shape, whole } from "./patterns.ts";

/** Checks HTTPS for clients. */
export const tls: Shape<TlsArgs> = z.strictObject(
  {
    certificate: certificates("must be a certificate chain in PEM").exactOptional(),
    key: matching(
      /^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[\s\S]+-----END [A-Z ]*PRIVATE KEY-----\s*$/,
      "must be a private key in PEM",
    ).exactOptional(),
    certificateFile: hostFile,
    keyFile: hostFile,
    redirectPort: whole(1, 65535).exactOptional(),
    hstsSeconds: whole(0, 63_072_000).exactOptional(),
  },
  "must be an object with certificate and key, or certificateFile and keyFile",
);
