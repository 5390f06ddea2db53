import { docker } from "./docker.ts";

/** A certificate for tests, with its key. */
export interface TestCertificate {
  certificate: string;
  key: string;
}

/** An authority of a test's own, and certificates that it has signed. */
export interface TestAuthority {
  certificate: string;
  /** For `name`. */
  good: TestCertificate;
  /** For the same name, over since yesterday. */
  expired: TestCertificate;
}

const SIGN = `set -e; cd /tmp
make() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "$@" 2> /dev/null; }
make -days 30 -subj /CN=authority -keyout ca.key -out ca.pem
leaf() { make -CA ca.pem -CAkey ca.key -subj "/CN=$name" -addext "subjectAltName=DNS:$name" -addext basicConstraints=critical,CA:FALSE -keyout "$1.key" -out "$1.pem" -not_before 20200101000000Z -not_after "$2"; }
name=$0
leaf good 20991231000000Z
leaf expired 20210101000000Z
cat ca.pem good.pem good.key expired.pem expired.key`;

/** Makes an authority and certificates for a name, with the openssl of an image. */
export async function makeAuthority(image: string, name: string): Promise<TestAuthority> {
  const out = await docker(
    ...["run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", SIGN, name],
  );
  const parts = [...out.matchAll(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g)];
  if (parts.length !== 5) throw new Error(`openssl made ${parts.length} parts: ${out}`);
  const [ca, good, goodKey, expired, expiredKey] = parts.map(([part]) => `${part}\n`) as [
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    certificate: ca,
    good: { certificate: good, key: goodKey },
    expired: { certificate: expired, key: expiredKey },
  };
}

/**
 * Makes a self-signed certificate for these names, with the openssl of an image.
 *
 * @param end until when it is good; default 30 days
 */
export async function makeCertificate(
  image: string,
  names: readonly string[] = ["DNS:mesh.example.org", "DNS:*.example.net", "IP:127.0.0.1"],
  end?: Date,
): Promise<TestCertificate> {
  const lasts = end
    ? [
        "-not_before",
        "20200101000000Z",
        "-not_after",
        `${end.toISOString().replace(/[-:T]|\.\d+/g, "")}`,
      ]
    : ["-days", "30"];
  const out = await docker(
    ...["run", "--rm", "--network", "none", "--entrypoint", "openssl", image],
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...[...lasts, "-subj", "/CN=mesh.example.org"],
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
