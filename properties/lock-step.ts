import type { Machine } from '../abi/machine.js';
import type { Changes, Observer } from '../abi/observer.js';
import type { Reply } from '../abi/reply.js';
import type { Step } from '../abi/step.js';
import { boot, step as spec } from '../model/model.js';
import { isObjection, type Alternative } from '../model/outcome.js';
import type { State } from '../model/state.js';
import { differenceOf, type Difference } from './agreement.js';
import type { Coverage } from './coverage.js';
import { FrameRule, type Witness } from './frame-rule.js';
import { violatedInvariant } from './invariants/all.js';
import { GuardedObserver, SystemThrew } from './guarded-observer.js';
import { performedBy } from './performed.js';
import { WorkExceeded, type MakeSubject, type Subject } from './subject.js';
import type { Failure } from './verdict.js';
import { viewDifference } from './view-agreement.js';

/** A failure of one step; the program's runner knows the line and its operation. */
export type StepFailure = Omit<Failure, 'line' | 'occasion'>;

/**
 * The model and a system, side by side, one step at a time. After a step that answers a failure
 * the two have parted, and nothing more can be asked.
 */
export class LockStep {
  state: State;
  /** What the system answered to the last step. */
  reply: Reply = { is: 'no_domain' };
  /** The last step's alternative: which rules were reached. */
  taken: Alternative | undefined;
  readonly subject: Subject;
  readonly #observer: Observer | undefined;
  readonly #frameRule: FrameRule | undefined;
  readonly #coverage: Coverage | undefined;

  /** Throws what the system's own constructor throws. */
  constructor(machine: Machine, make: MakeSubject, coverage?: Coverage) {
    this.state = boot(machine);
    this.subject = make(machine);
    const seen = this.subject.observer;
    const observer = seen === undefined ? undefined : new GuardedObserver(seen);
    this.#observer = observer;
    this.#frameRule = observer === undefined ? undefined : new FrameRule(observer, this.state);
    this.#coverage = coverage;
    // What building the machine wrote is nobody's step.
    observer?.changes();
  }

  /** Carries out one step on both sides with the checks that every step gets. */
  perform(step: Step): StepFailure | undefined {
    const reply = this.#ask(step);
    if ('verdict' in reply) return reply;
    this.reply = reply;

    return brokenBySystem(() => this.#follow(step, reply));
  }

  /** The checks that look at everything: the model's invariants, the system's audit, the view. */
  checkAll(): StepFailure | undefined {
    const claim = violatedInvariant(this.state);
    if (claim !== undefined) return { ...witnessed(claim), verdict: 'harness_error' };
    const counters = this.subject.counters?.();
    if (counters !== undefined) this.#coverage?.noteCounters(counters);
    const observer = this.#observer;
    const frames = this.#frameRule?.frames;
    if (observer === undefined || frames === undefined) return undefined;
    return brokenBySystem(() => {
      const violation = observer.audit()[0];
      if (violation !== undefined) return violated(violation.id, violation);
      const witness = viewDifference(observer.view(), observer, this.state, frames);
      return witness === undefined ? undefined : witnessed(witness);
    });
  }

  #ask(step: Step): Reply | StepFailure {
    try {
      this.subject.begin();
      return this.subject.system.perform(step);
    } catch (thrown) {
      return broken(thrown);
    }
  }

  /**
   * Finds the alternative that the reply is, and moves the model to what follows from it. Where
   * several have this reply it is the one that leaves the system's memory as it is: what a processor
   * remembered shows in the entries that it did not mark.
   */
  #follow(step: Step, reply: Reply): StepFailure | undefined {
    const before = this.state;
    const maps = ['map', 'hypercall'].includes(performedBy(before, step));
    let other: StepFailure | undefined;
    let parted: Parting | undefined;
    let index = -1;
    for (const open of spec(before, step)) {
      index++;
      const alternative = open.given?.(reply) ?? open;
      const difference = differenceOf(reply, alternative.reply, maps);
      const next = difference === undefined ? alternative.next(reply) : before;
      if (difference !== undefined) other ??= diverged(alternative, difference);
      else if (isObjection(next)) other ??= objected(alternative, next.objection);
      else {
        const changes = parted === undefined ? this.#audited() : parted.changes;
        if (changes !== undefined && 'claim' in changes)
          return this.#took(alternative, next, changes);
        const witness =
          changes === undefined ? undefined : this.#frameRule?.check(before, next, changes);
        if (witness === undefined) {
          this.#took(alternative, next, undefined);
          this.#coverage?.note(before, step, reply, next, alternative.rules, index);
          return undefined;
        }
        parted ??= { changes, alternative, next, failure: witnessed(witness) };
      }
    }
    if (parted !== undefined) return this.#took(parted.alternative, parted.next, parted.failure);
    return other ?? witnessed(NO_ALTERNATIVE);
  }

  /** What the system wrote, if that passes the system's own audit; nothing where it cannot be seen. */
  #audited(): Changes | StepFailure | undefined {
    const observer = this.#observer;
    if (observer === undefined) return undefined;
    const violation = observer.auditChanges()[0];
    return violation === undefined ? observer.changes() : violated(violation.id, violation);
  }

  #took(
    alternative: Alternative,
    next: State,
    failure: StepFailure | undefined,
  ): StepFailure | undefined {
    this.taken = alternative;
    this.state = next;
    return failure;
  }
}

/** An alternative with the system's reply, but not with its memory. */
interface Parting {
  readonly changes: Changes | undefined;
  readonly alternative: Alternative;
  readonly next: State;
  readonly failure: StepFailure;
}

const NO_ALTERNATIVE: Witness = {
  claim: 'E1',
  path: 'alternatives',
  expected: 'at least one allowed outcome',
  actual: 'the spec answers with none',
};

const diverged = (alternative: Alternative, difference: Difference): StepFailure => ({
  verdict: 'diverge',
  claim: brokenRule(alternative.rules, difference),
  path: difference.path,
  expected: difference.expected,
  actual: difference.actual,
});

/**
 * The rule of the element that differs; where the answer is of another kind, and a call was stopped or
 * gone on with, the rule of that.
 */
function brokenRule(rules: Alternative['rules'], { path, element, actual }: Difference): string {
  if (path === 'is' && actual === JSON.stringify({ is: 'busy' })) return 'B2';
  const last = rules.at(-1);
  if (path === 'is' && (last === 'B2' || last === 'B3')) return last;
  return rules.at(element) ?? rules[0] ?? 'E1';
}

const objected = ({ rules }: Alternative, objection: string): StepFailure => ({
  verdict: 'diverge',
  claim: rules.includes('D8') ? 'D8' : 'G15',
  path: 'choice',
  expected: 'a choice that the spec accepts',
  actual: objection,
});

const witnessed = (witness: Witness): StepFailure => ({ verdict: 'violate', ...witness });

const violated = (
  id: string,
  { path, witness }: { readonly path: string; readonly witness: string },
): StepFailure => ({
  verdict: 'violate',
  claim: id,
  path,
  expected: `invariant ${id} holds`,
  actual: witness,
});

/** What the system throws while it is looked at is its failure; what model or harness throw is not. */
function brokenBySystem(look: () => StepFailure | undefined): StepFailure | undefined {
  try {
    return look();
  } catch (thrown) {
    if (thrown instanceof SystemThrew) return broken(thrown.cause);
    throw thrown;
  }
}

/** The system threw: a hang where it worked or recursed without end, else a crash. */
function broken(thrown: unknown): StepFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const endless = error instanceof WorkExceeded || error instanceof RangeError;
  return {
    verdict: endless ? 'hang' : 'crash',
    claim: 'E1',
    path: `thrown.${error.name}`,
    expected: 'an answer',
    actual: error.message,
  };
}
