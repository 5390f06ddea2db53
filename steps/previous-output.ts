/** What the Command that runs this step printed the last time it succeeded; undefined at the first time, or where it is not told. */
export function previousOutput<Result>(): Result | undefined {
  try {
    return JSON.parse(process.env["PULUMI_COMMAND_STDOUT"] ?? "") as Result;
  } catch {
    return undefined;
  }
}
