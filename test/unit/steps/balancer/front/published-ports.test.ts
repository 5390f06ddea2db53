import { expect, test } from "vitest";

import { goTogether, publishedBy } from "../../../../../steps/balancer/front/published-ports.ts";

test("what a container publishes, as addresses and ports", () => {
  expect(
    publishedBy({
      "8080/tcp": [
        { HostIp: "127.0.0.1", HostPort: "80" },
        { HostIp: "", HostPort: "81" },
      ],
      "8082/tcp": [{ HostIp: "::1", HostPort: "82" }],
    }),
  ).toEqual(["127.0.0.1:80", "0.0.0.0:81", "::1:82"]);
  expect(publishedBy(null)).toEqual([]);
});

test.each([
  ["127.0.0.1:80", "127.0.0.1:81", true],
  ["127.0.0.1:80", "10.0.0.1:80", true],
  ["127.0.0.1:80", "127.0.0.1:80", false],
  ["127.0.0.1:80", "0.0.0.0:80", false],
  [":::80", "10.0.0.1:80", false],
])("%s beside %s: %s", (one, other, is) => {
  expect(goTogether(["127.0.0.1:9", one], [other])).toBe(is);
  expect(goTogether([other], ["127.0.0.1:9", one])).toBe(is);
});
