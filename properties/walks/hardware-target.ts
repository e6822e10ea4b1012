import { BareMachine } from '../../impl/hardware/bare-machine.js';
import { Ram } from '../../impl/hardware/ram.js';
import type { WalkTarget } from './target.js';

/** As much memory as the recorders had; what is not touched costs nothing. */
const FRAMES = 2 ** 17;

/** The simulated processor on bare memory, without a hypervisor. */
export function bareHardware(): WalkTarget {
  let ram: Ram | undefined;
  return {
    name: 'hardware',
    adjusted: (machine) => machine,
    open(machine) {
      ram ??= new Ram(FRAMES);
      return new BareMachine(ram, machine.cpu, machine.tlbEntries);
    },
  };
}
