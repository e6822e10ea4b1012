import { stderr } from 'node:process';

/** How often the live line is drawn anew, in milliseconds. */
const REDRAW = 200;
/** Without a terminal, a line now and then. */
const RETELL = 10_000;
/** Nothing is said about what is over sooner. */
const PATIENCE = 2_000;

/** A line on standard error that tells how far a long command is. Silent under `--json`. */
export class ProgressLine {
  readonly #isSilent: boolean;
  readonly #start: number;
  #drawn: number;
  #isDrawn = false;

  constructor(isSilent: boolean) {
    this.#isSilent = isSilent;
    this.#start = performance.now();
    this.#drawn = stderr.isTTY ? this.#start : this.#start + PATIENCE - RETELL;
  }

  /** Milliseconds since the command began. */
  elapsed(): number {
    return performance.now() - this.#start;
  }

  /** Draws what `text` answers, if it is time to. */
  tell(text: () => string): void {
    const now = performance.now();
    if (this.#isSilent || now - this.#drawn < (stderr.isTTY ? REDRAW : RETELL)) return;
    this.#drawn = now;
    if (!stderr.isTTY) {
      stderr.write(`${text()}\n`);
      return;
    }
    stderr.write(`\r\u001b[K${text().slice(0, (stderr.columns ?? 80) - 1)}`);
    this.#isDrawn = true;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isDrawn) stderr.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}
