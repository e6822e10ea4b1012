import type { Machine } from '../../abi/machine.js';
import type { State } from '../../model/model.js';
import { isAnswer } from './answer.js';
import { endVerdicts, type EndVerdict } from './case-end.js';
import type { CaseReport } from './case-report.js';
import { CaseRun } from './case-run.js';
import { registersOf } from './course.js';
import { acceptedOf, judgedSpec } from './judge.js';
import type { RecordedAnswer, WalkCase } from './recorded-case.js';
import { settingOf, type Setting } from './setting.js';
import { after, allowedBy, dwordIn, firstState, type SpecStates } from './spec-states.js';

/** The spec with the case's memory filled and paging turned on. */
export function firstStates(one: WalkCase, { machine, config, boot }: Setting): SpecStates {
  const state = boot.reduce(after, firstState(machine, config));
  return [{ state, registers: registersOf(one) }];
}

/**
 * Replays a recorded case on the spec. The spec allows several answers where something hangs on
 * what a processor remembers; the recorded ones are followed, each with all that it leaves open.
 */
export function replayOnSpec(
  file: string,
  one: WalkCase,
  adjusted: (machine: Machine) => Machine = (machine) => machine,
): CaseReport {
  const setting = settingOf(one, adjusted);
  const run = new CaseRun(file, one);
  const watched = [...setting.reach.dwords.keys()];
  let states = firstStates(one, setting);
  for (const [index, { operation, recorded }] of one.steps.entries()) {
    const allowed = allowedBy(states, operation, watched);
    run.step(index, judgedSpec(recorded, [...allowed.keys()]), [...allowed.keys()].join(', '));
    const followed = [...allowed].filter(([answer]) => isFollowed(recorded, answer));
    states = (followed.length > 0 ? followed : [...allowed]).flatMap(([, ends]) => ends);
  }
  run.end(best(states.map(({ state }) => endOf(one, setting, state))));
  return run.report();
}

const endOf = (one: WalkCase, { reach }: Setting, state: State): readonly EndVerdict[] =>
  endVerdicts(one, reach, (address) => dwordIn(state, address), undefined);

/** The end that disagrees least: all states that are left are allowed. */
function best(ends: readonly (readonly EndVerdict[])[]): readonly EndVerdict[] {
  const wrong = (end: readonly EndVerdict[]): number =>
    end.filter(({ verdict }) => verdict.is === 'disagrees').length;
  return ends.toSorted((one, other) => wrong(one) - wrong(other))[0] ?? [];
}

const isFollowed = (recorded: RecordedAnswer, answer: string): boolean =>
  [...acceptedOf(recorded), recorded.also ?? recorded.fact].some((one) => isAnswer(one, answer));
