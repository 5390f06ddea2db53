import { docker } from "./docker.ts";

/** A certificate for tests, with its key. */
export interface TestCertificate {
  certificate: string;
  key: string;
}

/** Makes a self-signed certificate for these names, with the openssl of an image. */
export async function makeCertificate(
  image: string,
  names: readonly string[] = ["DNS:mesh.example.org", "DNS:*.example.net", "IP:127.0.0.1"],
): Promise<TestCertificate> {
  const out = await docker(
    ...["run", "--rm", "--network", "none", "--entrypoint", "openssl", image],
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "30", "-subj", "/CN=mesh.example.org"],
    ...[
      "-addext",
      `subjectAltName=${names.join(",")}`,
      "-keyout",
      "/dev/stdout",
      "-out",
      "/dev/stdout",
    ],
  );
  const part = (kind: string) => {
    const found = new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`).exec(out);
    if (!found) throw new Error(`openssl made no ${kind}: ${out}`);
    return found[0];
  };
  return { certificate: part("CERTIFICATE"), key: part("PRIVATE KEY") };
}
