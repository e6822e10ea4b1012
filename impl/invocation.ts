/**
 * One time that a call is made, or made again where it was stopped (grants.md 5.4): which of its
 * units it starts at, and how many it does before it looks whether it is to stop.
 */
export class Invocation {
  /** Units that earlier invocations of the call have done. */
  readonly start: number;
  readonly #limit: number;
  #stoppedAt: number | undefined;

  /** Without a limit it is never stopped. */
  constructor(start = 0, limit = Number.POSITIVE_INFINITY) {
    this.start = start;
    // Something is always done before a call is stopped: it comes to an end however often it is.
    this.#limit = Math.max(1, limit);
  }

  /** To be asked where a call may stop, with the unit that would be next: true where it has to. */
  stopsAt(next: number): boolean {
    if (next - this.start < this.#limit) return false;
    this.#stoppedAt = next;
    return true;
  }

  /** An error is the end of it, though it had to stop: it is not gone on with. */
  ends(): void {
    this.#stoppedAt = undefined;
  }

  /** Where the call goes on; undefined where it was done to its end. */
  stoppedAt(): number | undefined {
    return this.#stoppedAt;
  }
}

/** For a call that nothing stops. */
export const unstopped = new Invocation();
