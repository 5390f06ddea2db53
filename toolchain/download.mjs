// Downloads one file: node download.mjs URL FILE SECONDS
// A program of its own, so that it runs under the Node that was put in place: older ones ignore HTTPS_PROXY.
import { open } from "node:fs/promises";

/** Exit codes: the host gave no answer; it answered, but not with the file. */
export const UNREACHABLE = 3;
export const NOT_FOUND = 4;

const STALLED_MS = 60_000;
const MEGABYTE = 1_000_000;

/**
 * @param {string} url
 * @param {string} file
 * @param {number} answerSeconds how long the host may take to begin its answer
 */
async function download(url, file, answerSeconds) {
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), answerSeconds * 1000);
  const response = await fetch(url, { signal: stop.signal }).catch((error) => {
    const why = stop.signal.aborted
      ? `no answer in ${answerSeconds} s`
      : (error.cause ?? error).message;
    console.error(`${url}: ${why}`);
    process.exit(UNREACHABLE);
  });
  if (!response.ok || !response.body) {
    console.error(`${url}: HTTP ${response.status}`);
    process.exit(NOT_FOUND);
  }
  const total = Number(response.headers.get("content-length"));
  const target = await open(file, "w");
  let got = 0;
  let told = Date.now();
  for await (const chunk of response.body) {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(new Error("stalled")), STALLED_MS);
    await target.write(chunk);
    got += chunk.length;
    if (Date.now() - told < 1000) continue;
    told = Date.now();
    console.log(`${(got / MEGABYTE).toFixed(0)} of ${(total / MEGABYTE).toFixed(0)} MB`);
  }
  clearTimeout(timer);
  await target.close();
}

if (process.argv[1] === import.meta.filename) {
  const [url = "", file = "", seconds = "30"] = process.argv.slice(2);
  await download(url, file, Number(seconds)).catch((error) => {
    console.error(`${url}: ${(error.cause ?? error).message}`);
    process.exit(1);
  });
}
