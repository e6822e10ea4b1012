import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import type { Options } from '../impl/options.js';
import { WORK_LIMIT, WorkExceeded, type MakeSubject } from './subject.js';

/** What a module with a hypervisor in it exports: ours, or a copy with a fault in it. */
export interface HypervisorModule {
  readonly Hypervisor: typeof Hypervisor;
  readonly observe: typeof observe;
}

/** Subjects out of a module, all with the same options. */
export const subjectsOf =
  (module: HypervisorModule, options?: Partial<Options>): MakeSubject =>
  (machine) => {
    let passed = 0;
    const hypervisor = new module.Hypervisor(machine, options, (point) => {
      if (++passed > WORK_LIMIT) throw new WorkExceeded(point);
    });
    return {
      system: hypervisor,
      observer: module.observe(hypervisor),
      counters: () => ({ ...hypervisor.counters() }),
      begin: () => {
        passed = 0;
      },
    };
  };

/** Our own hypervisor with its default options. */
export const ours: MakeSubject = subjectsOf({ Hypervisor, observe });
