/** Something that the user can mend: its message is shown as it is, without a stack. */
export class StepError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StepError";
  }
}

/** Tells the person who waits how far a step is. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
