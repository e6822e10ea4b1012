import type { DomainId, Gfn, Mfn } from '../abi/ids.js';
import type {
  Changes,
  EntryView,
  HypervisorFrames,
  Observer,
  View,
  Violation,
} from '../abi/observer.js';

/** The system threw while it was looked at; what it threw is the cause. */
export class SystemThrew extends Error {
  override readonly name = 'SystemThrew';

  constructor(thrown: unknown) {
    super('the system threw', { cause: thrown });
  }
}

/**
 * An observer whose throws can be told from those of the spec and of the harness, which are asked
 * in the same breath.
 */
export class GuardedObserver implements Observer {
  readonly #observer: Observer;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  changes(): Changes {
    try {
      return this.#observer.changes();
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }

  entryAt(domain: DomainId, gfn: Gfn): EntryView | undefined {
    try {
      return this.#observer.entryAt(domain, gfn);
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }

  hypervisorFramesOf(domain: DomainId): HypervisorFrames | undefined {
    try {
      return this.#observer.hypervisorFramesOf(domain);
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }

  wordOf(mfn: Mfn, index: number): number {
    try {
      return this.#observer.wordOf(mfn, index);
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }

  auditChanges(): readonly Violation[] {
    try {
      return this.#observer.auditChanges();
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }

  audit(): readonly Violation[] {
    try {
      return this.#observer.audit();
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }

  view(): View {
    try {
      return this.#observer.view();
    } catch (thrown) {
      throw new SystemThrew(thrown);
    }
  }
}
