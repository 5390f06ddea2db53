import { z } from "zod";
import type { MonitoringArgs } from "../mesh-args.ts";
import { hostOf } from "../net/host-port.ts";
import { isWhoAsks } from "../net/private-networks.ts";
import { flag, image, ipAddress, type Shape, whole } from "./patterns.ts";

const WEBHOOK = "must be the URL of a webhook as https://alerts.example.org/hook";

const OWN =
  "must be reachable from Alertmanager's container, which is the machine in that URL; declare its host's address on the LAN";

const isWebhook = (text: string): boolean =>
  /^https?:\/\/[^\s"'\\/][^\s"'\\]{0,1999}$/.test(text) && URL.canParse(text);

/** Checks what watches the mesh. */
export const monitoringSchema: Shape<MonitoringArgs> = z.strictObject(
  {
    address: ipAddress.exactOptional(),
    prometheusPort: whole(1, 65535).exactOptional(),
    prometheusImage: image.exactOptional(),
    retentionGib: whole(1, 100_000).exactOptional(),
    retentionDays: whole(1, 3650).exactOptional(),
    grafana: flag().exactOptional(),
    grafanaPort: whole(1, 65535).exactOptional(),
    grafanaImage: image.exactOptional(),
    webhook: z
      .string(WEBHOOK)
      .refine(isWebhook, { error: WEBHOOK, abort: true })
      .refine((text) => !isWhoAsks(hostOf(text)), OWN)
      .exactOptional(),
    alertmanagerImage: image.exactOptional(),
  },
  "must be an object; {} is enough",
);
