import type { Machine } from '../../abi/machine.js';
import { observe } from '../../impl/audit.js';
import { Hypervisor } from '../../impl/hypervisor.js';
import type { Options } from '../../impl/options.js';
import type { Recording } from './decode.js';
import { EitherWay } from './either-way.js';
import { ModelRespondent } from './model-respondent.js';
import { replayOn, type FileReport, type ReplayOptions } from './replay-on.js';
import { SystemRespondent } from './respondent.js';

/** Replays a recording on the reference spec. */
export const replayOnModel = (recording: Recording, options: ReplayOptions = {}): FileReport =>
  replayOn(
    recording,
    (machine) =>
      new EitherWay(new ModelRespondent(machine), () => new ModelRespondent(machine, true)),
    options,
  );

/** Replays a recording on the hypervisor, with some of its optimisations switched off perhaps. */
export const replayOnImpl = (
  recording: Recording,
  options: ReplayOptions = {},
  switches: Partial<Options> = {},
): FileReport =>
  replayOn(
    recording,
    (machine) => {
      const make = (isHurried: boolean) => hypervisorRespondent(machine, switches, isHurried);
      return new EitherWay(make(false), () => make(true));
    },
    options,
  );

function hypervisorRespondent(
  machine: Machine,
  switches: Partial<Options>,
  isHurried: boolean,
): SystemRespondent {
  const hypervisor = new Hypervisor(machine, switches);
  const leftovers = () => {
    const observer = observe(hypervisor);
    const broken = observer.audit().map(({ id, path, witness }) => `${id} ${path}: ${witness}`);
    const living = observer.view().domains.map(({ domain }) => `d${domain}`);
    return [...broken, ...living];
  };
  return new SystemRespondent(hypervisor, leftovers, isHurried);
}
