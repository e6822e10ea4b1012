import type { Step } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { CR4_PKE } from '../../abi/control.js';
import type { Machine } from '../../abi/machine.js';
import { attempted } from '../recordings/respondent.js';
import { endVerdicts, type Leeway } from './case-end.js';
import { CaseRun } from './case-run.js';
import type { CaseReport } from './case-report.js';
import { courseOf, registersOf, turningOn, type Registers } from './course.js';
import { isRecorded, judged, LOOSE, type Beside } from './judge.js';
import type { Reach } from './reach.js';
import type { WalkCase, WalkOperation } from './recorded-case.js';
import { settingOf, type Setting } from './setting.js';
import { SpecRun } from './spec-run.js';
import type { WalkSession, WalkTarget } from './target.js';

/** Replays a recorded case on a target and judges every answer, and its memory in the end. */
export function replayCase(file: string, one: WalkCase, target: WalkTarget): CaseReport {
  const setting = settingOf(one, (machine) => target.adjusted(machine));
  const run = new CaseRun(file, one);
  const missing = missingFeature(one, setting.reach, setting.machine);
  if (missing === PROTECTION_KEYS) {
    refuseAll(one, setting, target, run);
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

/** Protection keys cannot be turned on: there is no such case on this target. */
function refuseAll(one: WalkCase, setting: Setting, target: WalkTarget, run: CaseRun): void {
  const session = target.open(setting.machine, setting.config);
  const [turnOnKeys] = turningOn(one, registersOf(one));
  const reply = turnOnKeys === undefined ? undefined : session.perform(turnOnKeys);
  if (reply?.is !== 'fault') run.broke('CR4.PKE', `${JSON.stringify(reply)}, expected #GP`);
  const verdict = notOffered(PROTECTION_KEYS);
  for (const index of one.steps.keys()) run.step(index, verdict, '');
  run.end(one.after.map(({ address, fact }) => ({ address, isEntry: true, found: fact, verdict })));
}

class Replay {
  readonly #case: WalkCase;
  readonly #setting: Setting;
  readonly #session: WalkSession;
  readonly #run: CaseRun;
  readonly #missing: string | undefined;
  /** The spec beside the target, where the recording alone does not settle every answer, ... */
  readonly #here: SpecRun | undefined;
  /** ... and on the recorded processor, where the target's lacks something. */
  readonly #there: SpecRun | undefined;

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
    this.#session = target.open(setting.machine, setting.config);
    const isLoose = one.steps.some(({ recorded }) => recorded.isLoose);
    if (isLoose || missing !== undefined) this.#here = new SpecRun(one, setting);
    if (missing !== undefined)
      this.#there = new SpecRun(
        one,
        settingOf(one, (machine) => machine),
      );
  }

  all(): undefined {
    for (const step of this.#setting.boot) this.#expectDone(step);
    let registers = registersOf(this.#case);
    for (const [index, { operation, recorded }] of this.#case.steps.entries()) {
      const given = this.#perform(operation, registers);
      registers = given.registers;
      const verdict = judged(recorded, given.answer, this.#beside(operation));
      this.#run.step(index, verdict, given.answer);
      this.#here?.follow((answer) => answer === given.answer);
      this.#here?.narrow((address) => this.#session.dwordAt(address));
      this.#there?.follow((answer) => isRecorded(recorded, answer));
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
      course = next(this.#session.perform(step));
    }
    return course;
  }

  #beside(operation: WalkOperation): Beside | undefined {
    if (this.#here === undefined) return undefined;
    return {
      here: this.#here.allowed(operation),
      missing: this.#missing,
      there: this.#there?.allowed(operation) ?? new Set(),
    };
  }

  #judgeEnd(): void {
    const { reach } = this.#setting;
    const dwordAt = (address: number): number => this.#session.dwordAt(address);
    this.#run.end(endVerdicts(this.#case, reach, dwordAt, this.#leeway()));
    for (const gfn of reach.gfns)
      for (let at = gfn * PAGE_BYTES; at < (gfn + 1) * PAGE_BYTES; at += 4)
        if (!reach.dwords.has(at) && dwordAt(at) !== 0) this.#run.stray(at, dwordAt(at));
    for (const violation of this.#session.audit()) this.#run.broke('in the end: audit', violation);
  }

  #leeway(): Leeway | undefined {
    const [here, there] = [this.#here, this.#there];
    if (here === undefined) return undefined;
    return {
      allows: (found, { address, width, values }) =>
        here.has(address, width, found) &&
        (there === undefined || values.some((value) => there.has(address, width, value))),
      verdict: this.#missing === undefined ? LOOSE : notOffered(this.#missing),
    };
  }
}
