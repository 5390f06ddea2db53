// A registry whose certificate an authority of one's own has signed, as behind a company's proxy that opens TLS.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { models } from "../../../steps/models/models.ts";
import { makeCertificate, type TestCertificate } from "../../behaviour/harness/certificate.ts";
import { bridgeAddress, docker, ENGINE } from "../../behaviour/harness/docker.ts";
import { lacking } from "../../support/needs.ts";
import { ownStackName, removeDeadMeshes } from "../support/leftovers.ts";
import { LocalStore } from "../support/models/local-store.ts";
import { ToyRegistry } from "../support/models/toy-registry.ts";

const why = lacking("OLLAMA_MESH_OLLAMA_IMAGE", "OLLAMA_MESH_NGINX_IMAGE");

describe.skipIf(why)(
  `an authority of one's own${why ? ` (${why})` : ""}`,
  { timeout: 120_000 },
  () => {
    const image = process.env["OLLAMA_MESH_OLLAMA_IMAGE"]!;
    const container = `authority-${ownStackName()}.models`;
    let registry: ToyRegistry;
    let tls: TestCertificate;
    let store: LocalStore;
    let name = "";

    beforeAll(async () => {
      await removeDeadMeshes();
      vi.stubEnv("OLLAMA_MODELS", "/nowhere");
      const address = await bridgeAddress();
      tls = await makeCertificate(process.env["OLLAMA_MESH_NGINX_IMAGE"]!, [
        `IP:${address}`,
        `IP:::ffff:${address}`,
      ]);
      registry = await ToyRegistry.start(100_000, tls);
      name = `${address}:${registry.port}/library/m:latest`;
      store = await LocalStore.create("authority", image);
    });
    afterAll(async () => {
      await docker("rm", "--force", container);
      await store?.[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
    });

    const fetch = (pulls?: object) =>
      models({
        ...store.place,
        endpoint: ENGINE,
        container,
        models: [name],
        minimumFreeGiB: 0,
        labels: ["ollama-mesh=test"],
        ...(pulls ? { pulls } : {}),
      });

    test("is needed", async () => {
      await expect(fetch()).rejects.toThrow(
        /certificate signed by unknown authority|registry cannot be reached/,
      );
    });

    test("is trusted by downloads where it is declared", async () => {
      await fetch({ caCertificate: tls.certificate });
      expect(await store.size(`blobs/${registry.weights}`)).toBe(100_000);
    });

    test("a proxy of the environment is asked: one that is not there is a download that fails", async () => {
      await store.inside("rm -rf blobs manifests");
      const environment = { HTTPS_PROXY: "http://127.0.0.1:9" };
      await expect(fetch({ caCertificate: tls.certificate, environment })).rejects.toThrow(
        /proxyconnect|connection refused/,
      );
    });
  },
);
