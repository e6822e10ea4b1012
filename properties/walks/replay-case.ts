import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { CR4_PKE } from '../../abi/control.js';
import type { Machine } from '../../abi/machine.js';
import { attempted } from '../recordings/respondent.js';
import { endVerdicts, type Leeway } from './case-end.js';
import { CaseRun } from './case-run.js';
import type { CaseReport } from './case-report.js';
import { courseOf, registersOf, type Registers } from './course.js';
import { judged, LOOSE } from './judge.js';
import type { Reach } from './reach.js';
import type { WalkCase, WalkOperation } from './recorded-case.js';
import { settingOf, type Setting } from './setting.js';
import { allowedBy, dwordIn, type SpecStates } from './spec-states.js';
import { firstStates } from './spec-replay.js';
import type { WalkSession, WalkTarget } from './target.js';

/** Replays a recorded case on a target and judges every answer, and its memory in the end. */
export function replayCase(file: string, one: WalkCase, target: WalkTarget): CaseReport {
  const setting = settingOf(one, (machine) => target.adjusted(machine));
  const run = new CaseRun(file, one);
  const missing = missingFeature(one, setting.reach, setting.machine);
  if (missing === PROTECTION_KEYS) {
    for (const index of one.steps.keys()) run.step(index, notOffered(missing), '');
    return run.report();
  }
  const outcome = attempted(() => new Replay(one, setting, target, run, missing).all());
  if (outcome !== undefined) run.broke('the target broke', outcome.threw);
  return run.report();
}

const PROTECTION_KEYS = 'protection keys';
const notOffered = (feature: string): { is: 'not_offered'; feature: string } => ({
  is: 'not_offered',
  feature,
});

/** What the case asks of a processor and a guest under shadow paging is not offered. */
function missingFeature(one: WalkCase, reach: Reach, machine: Machine): string | undefined {
  if (machine.paging === 'hap') return undefined;
  if ((one.cpu.cr4 & CR4_PKE) !== 0) return PROTECTION_KEYS;
  return [...reach.features][0];
}

class Replay {
  readonly #case: WalkCase;
  readonly #setting: Setting;
  readonly #session: WalkSession;
  readonly #run: CaseRun;
  readonly #missing: string | undefined;
  readonly #watched: readonly number[];
  /** The spec beside the target, where the recording alone does not settle every answer. */
  #states: SpecStates | undefined;

  constructor(
    one: WalkCase,
    setting: Setting,
    target: WalkTarget,
    run: CaseRun,
    missing: string | undefined,
  ) {
    this.#case = one;
    this.#setting = setting;
    this.#run = run;
    this.#missing = missing;
    this.#watched = [...setting.reach.dwords.keys()];
    this.#session = target.open(setting.machine, setting.config);
    const isLoose = one.steps.some(({ recorded }) => recorded.isLoose);
    this.#states = isLoose || missing !== undefined ? firstStates(one, setting) : undefined;
  }

  all(): undefined {
    for (const step of this.#setting.boot) this.#expectDone(step);
    let registers = registersOf(this.#case);
    for (const [index, { operation, recorded }] of this.#case.steps.entries()) {
      const given = this.#perform(operation, registers);
      registers = given.registers;
      const allowed =
        this.#states === undefined ? undefined : allowedBy(this.#states, operation, this.#watched);
      const verdict = judged(recorded, given.answer, this.#missing, () => allowed?.keys() ?? []);
      this.#run.step(index, verdict, given.answer);
      if (allowed !== undefined)
        this.#states = this.#agreeing(
          allowed.get(given.answer) ?? allowed.get(recorded.fact) ?? [...allowed.values()].flat(),
        );
    }
    this.#judgeEnd();
    return undefined;
  }

  #expectDone(step: Step): void {
    const reply = this.#session.perform(step);
    if (reply.is !== 'stored' && reply.is !== 'done')
      this.#run.broke(`before the first step: ${JSON.stringify(step)}`, JSON.stringify(reply));
  }

  #perform(
    operation: WalkOperation,
    before: Registers,
  ): { readonly answer: string; readonly registers: Registers } {
    let course = courseOf(operation, before);
    while (!('answer' in course)) {
      const { step, next } = course;
      const reply: Reply = this.#session.perform(step);
      course = next(reply);
    }
    return course;
  }

  /** Of several states those whose memory is the target's; all where none is. */
  #agreeing(states: SpecStates): SpecStates {
    if (states.length < 2) return states;
    const kept = states.filter(({ state }) =>
      this.#watched.every((at) => dwordIn(state, at) === this.#session.dwordAt(at)),
    );
    return kept.length > 0 ? kept : states;
  }

  #judgeEnd(): void {
    const { reach } = this.#setting;
    const dwordAt = (address: number): number => this.#session.dwordAt(address);
    this.#run.end(endVerdicts(this.#case, reach, dwordAt, this.#leeway()));
    for (const gfn of reach.gfns)
      for (let at = gfn * PAGE_BYTES; at < (gfn + 1) * PAGE_BYTES; at += 4)
        if (!reach.dwords.has(at) && dwordAt(at) !== 0) this.#run.stray(at, dwordAt(at));
  }

  #leeway(): Leeway | undefined {
    const states = this.#states;
    if (states === undefined) return undefined;
    return {
      allows: (address, width, value) =>
        states.some(
          ({ state }) =>
            dwordIn(state, address) === value.low &&
            (width === 4 || dwordIn(state, address + 4) === value.high),
        ),
      verdict: this.#missing === undefined ? LOOSE : notOffered(this.#missing),
    };
  }
}
