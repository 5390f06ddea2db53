import { z } from "zod";
import { type LogArgs, LogClients, type TracingArgs } from "../balancer-args.ts";
import { anyText, matching, oneOf, whole, type Shape } from "./patterns.ts";

/** Where the balancer's log goes, and what stands in it. */
export const log: Shape<LogArgs> = z.strictObject(
  {
    driver: matching(
      /^[a-z0-9][\w./:-]{0,127}$/i,
      "must be a log driver of Docker as journald, syslog or fluentd",
    ).exactOptional(),
    options: z
      .record(
        matching(/^[\w.-]{1,100}$/, "must be the name of an option as tag"),
        anyText("must be text"),
        "must be an object of the driver's options",
      )
      .exactOptional(),
    samplePercent: whole(1, 100).exactOptional(),
    clients: oneOf(LogClients).exactOptional(),
  },
  "must be an object as {driver: journald}",
);

const COLLECTOR =
  'must be a host and a port as "collector:4317" or "https://traces.example.org:4317"';

const isCollector = (text: string): boolean =>
  /^(https?:\/\/)?([a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]):(?!0)\d{1,5}$/i.test(
    text,
  ) && Number(/\d*$/.exec(text)![0]) <= 65_535;

/** Where traces go, and how many. */
export const tracing: Shape<TracingArgs> = z.strictObject(
  {
    endpoint: z.string(COLLECTOR).refine(isCollector, COLLECTOR),
    samplePercent: whole(1, 100).exactOptional(),
    serviceName: matching(
      /^[\w][\w ./:@-]{0,99}$/,
      "must be a name as ollama: letters, digits, spaces and ._/:@-, up to 100",
    ).exactOptional(),
  },
  'must be an object as {endpoint: "collector:4317"}',
);
