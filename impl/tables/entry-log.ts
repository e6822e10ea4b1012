import type { DomainId, Gfn } from '../../abi/ids.js';

/** P2m entries that were written: which domain's, at which gfn. */
export interface WrittenEntries {
  count: number;
  readonly domain: DomainId[];
  readonly gfn: Gfn[];
}

/** The p2m counterpart of the write log of memory: off until someone wants it, two records. */
export class EntryLog {
  #on = false;
  #current: WrittenEntries = { count: 0, domain: [], gfn: [] };
  #finished: WrittenEntries = { count: 0, domain: [], gfn: [] };

  switchOn(): void {
    this.#on = true;
  }

  current(): WrittenEntries {
    return this.#current;
  }

  note(domain: DomainId, gfn: Gfn): void {
    if (!this.#on) return;
    const record = this.#current;
    const last = record.count - 1;
    if (last >= 0 && record.gfn[last] === gfn && record.domain[last] === domain) return;
    record.domain[record.count] = domain;
    record.gfn[record.count] = gfn;
    record.count += 1;
  }

  /** Starts a new record and answers the finished one, valid until the next turn. */
  turn(): WrittenEntries {
    const finished = this.#current;
    this.#current = this.#finished;
    this.#current.count = 0;
    this.#finished = finished;
    return finished;
  }
}
