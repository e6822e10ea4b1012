import { Gfn } from '../../abi/ids.js';
import type { Paging } from '../../abi/machine.js';
import { PAGE_SHIFT } from '../../abi/word.js';
import { observe } from '../../impl/audit.js';
import { Hypervisor } from '../../impl/hypervisor.js';
import type { Options } from '../../impl/options.js';
import { GUEST } from './course.js';
import type { WalkTarget } from './target.js';

/** A guest of the hypervisor, under shadow or nested paging. */
export const guestUnder = (paging: Paging, switches: Partial<Options> = {}): WalkTarget => ({
  name: paging,
  adjusted: (machine) => ({ ...machine, paging }),
  open(machine, config) {
    const hypervisor = new Hypervisor(machine, switches);
    hypervisor.perform({ op: 'create', domain: GUEST, config });
    const observer = observe(hypervisor);
    const entries = new Map(
      config.ram.flatMap(({ gfn, count }) =>
        Array.from(
          { length: count },
          (_, i) => [gfn + i, observer.entryAt(GUEST, Gfn(gfn + i))] as const,
        ),
      ),
    );
    return {
      perform: (step) => hypervisor.perform(step),
      audit: () => observer.audit().map(({ id, path, witness }) => `${id} ${path}: ${witness}`),
      dwordAt(address) {
        const gfn = address >>> PAGE_SHIFT;
        const entry = entries.get(gfn);
        if (entry === undefined) throw new Error(`no memory at gfn 0x${gfn.toString(16)}`);
        return observer.wordOf(entry.mfn, (address & 0xfff) >>> 2);
      },
    };
  },
});
