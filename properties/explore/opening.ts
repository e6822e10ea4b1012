import type { State } from '../../model/model.js';
import { count } from '../../values/keyed.js';
import { desugar, Handles, mayMap } from '../desugar.js';
import { SpecSystem } from '../spec-system.js';
import type { Bound } from './bound.js';

/** The state from which everything begins. */
export function openedState({ machine, boot, opening }: Bound): State {
  const spec = new SpecSystem(machine);
  for (const { domain, config } of boot) spec.perform({ op: 'create', domain, config });
  const handles = new Handles();
  for (const [index, line] of opening.entries())
    for (const step of desugar(line, machine, handles)) {
      const reply = spec.perform(step);
      if (mayMap(line)) handles.note(index, reply);
    }
  return spec.state;
}

/** Pages that there can be at a time: frames of RAM, and what the hypervisor has besides. */
export const pageSlots = (opened: State): number =>
  opened.machine.guestFrames +
  opened.machine.controlPages +
  count(opened.pages, ({ use }) => use !== 'ram');
