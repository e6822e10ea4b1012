import { BareMachine } from '../../impl/hardware/bare-machine.js';
import type { WalkTarget } from './target.js';

/** As much memory as the recorders had; what is not touched costs nothing. */
const FRAMES = 2 ** 17;

/** The simulated processor on bare memory, without a hypervisor. One case at a time. */
export function bareHardware(): WalkTarget {
  const start = BareMachine.maker(FRAMES);
  return {
    name: 'hardware',
    adjusted: (machine) => machine,
    open({ cpu, tlbEntries }) {
      const machine = start(cpu, tlbEntries);
      return {
        perform: (step) => machine.perform(step),
        dwordAt: (address) => machine.dwordAt(address),
        audit: () => [],
      };
    },
  };
}
