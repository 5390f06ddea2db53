// The policy pack: what an organization may demand of every mesh. Its process serves these until Pulumi ends it.
import {
  PolicyPack,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
} from "@pulumi/policy";
import { movingImage, openMeshes, openNode, plainKeys, type Finding, type Shown } from "./rules.ts";

/** A rule of single resources, which stops an `up` before it makes them. */
function ofResources(
  name: string,
  description: string,
  wrong: (resource: Shown) => string | undefined,
): ResourceValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: "mandatory",
    validateResource(resource, report) {
      const text = wrong(resource);
      if (text !== undefined) report(text);
    },
  };
}

/** A rule of several resources together, which a preview and the end of an `up` check. */
function ofStacks(
  name: string,
  description: string,
  findings: (resources: readonly Shown[]) => Finding[],
): StackValidationPolicy {
  return {
    name,
    description,
    enforcementLevel: "mandatory",
    validateStack({ resources }, report) {
      for (const { urn, text } of findings(resources)) report(text, urn);
    },
  };
}

new PolicyPack("ollama-mesh", {
  policies: [
    ofResources(
      "nodes-closed",
      "No node takes requests from machines other than the balancer's.",
      openNode,
    ),
    ofResources("images-pinned", "Images are named by a whole version or a digest.", movingImage),
    ofStacks(
      "keys-beyond-loopback",
      "A mesh that other machines reach asks for API keys.",
      openMeshes,
    ),
    ofStacks("tls-with-keys", "API keys that come from other machines come over TLS.", plainKeys),
  ],
});
