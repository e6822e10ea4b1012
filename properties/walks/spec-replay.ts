import type { State } from '../../model/model.js';
import { endVerdicts, type EndVerdict } from './case-end.js';
import type { CaseReport } from './case-report.js';
import { CaseRun } from './case-run.js';
import { isRecorded, judgedSpec } from './judge.js';
import type { WalkCase } from './recorded-case.js';
import { settingOf, type Setting } from './setting.js';
import { SpecRun } from './spec-run.js';
import { dwordIn } from './spec-states.js';

/**
 * Replays a recorded case on the spec. The spec allows several answers where something hangs on
 * what a processor remembers; the recorded ones are followed, each with all that it leaves open.
 */
export function replayOnSpec(file: string, one: WalkCase): CaseReport {
  const setting = settingOf(one, (machine) => machine);
  const run = new CaseRun(file, one);
  const spec = new SpecRun(one, setting);
  for (const [index, { operation, recorded }] of one.steps.entries()) {
    const allowed = [...spec.allowed(operation)];
    run.step(index, judgedSpec(recorded, allowed), allowed.join(', '));
    spec.follow((answer) => isRecorded(recorded, answer));
  }
  run.end(best(spec.states.map(({ state }) => endOf(one, setting, state))));
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
