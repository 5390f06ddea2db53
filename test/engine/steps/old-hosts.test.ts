// Hosts that nodes are about to leave: looked at before anything is changed, since their containers are removed there.
import { expect, test, vi } from "vitest";

import { hosts } from "../../../steps/hosts/hosts.ts";

/** Names of this domain belong to nobody. */
const OLD = "ssh://ops@old.invalid:2222";

test("one that is no longer known refuses the change, with what to do where it was renamed and where it is off", async () => {
  earlier({ fine: { [OLD]: "1" }, nodes: { [OLD]: ["c", "d"] } });
  const message = await hosts({ hosts: [] }).then(
    () => "fine",
    (error: Error) => error.message,
  );
  expect(message).toContain("1 of 1 hosts cannot take the change; nothing was touched anywhere");
  expect(message).toMatch(/^  ssh:\/\/ops@old\.invalid:2222 .* not reached$/m);
  expect(message).toContain(`Docker engine ${OLD}: `);
  expect(message).toContain(
    `Has the machine another name or address now? Then let ssh know it by the old one too until this is through: Host old.invalid, HostName and its address, in ~/.ssh/config`,
  );
  expect(message).toContain(`- { name: c, host: "${OLD}", offline: true, ... }`);
  expect(message).toContain(`- { name: d, host: "${OLD}", offline: true, ... }`);
});

test.each([
  ["one that is declared switched off", { hosts: [], offline: [OLD] }, { [OLD]: ["c"] }],
  ["one that had no nodes", { hosts: [] }, {}],
])("%s is not asked", async (_, input, nodes) => {
  earlier({ fine: { [OLD]: "1" }, nodes });
  expect(await hosts(input)).toEqual({ fine: {}, nodes: {} });
});

const earlier = (result: object) => vi.stubEnv("PULUMI_COMMAND_STDOUT", JSON.stringify(result));
