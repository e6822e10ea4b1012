import { FIRST_VCPU, GuestPhysical } from '../../abi/ids.js';
import type { FromLine, Line } from '../../abi/program.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { State } from '../../model/model.js';
import { get, has } from '../../values/keyed.js';
import { entries } from '../keyed-entries.js';
import type { Act } from './bound.js';
import { handleOf } from './outcomes.js';

/** Which line of a program made each mapping: acts say what is to be unmapped, lines say who mapped it. */
export class Makers {
  readonly #lines = new Map<string, FromLine>();

  /** The act as a line; undefined where it has nothing to unmap. */
  lineOf(state: State, act: Act): Line | undefined {
    if (act.op !== 'unmap_grant') return act;
    const handle = handleOf(state, act);
    if (handle === undefined) return undefined;
    const { caller, gfn } = act;
    const element = {
      handle: this.#lines.get(`${caller}/${handle}`) ?? handle,
      address: GuestPhysical(gfn * PAGE_BYTES),
      deviceAddress: 0,
    };
    return { op: 'unmap', caller, vcpu: FIRST_VCPU, elements: [element] };
  }

  /** Notes the mappings that a line has made. */
  note(line: number, act: Act, before: State, after: State): void {
    if (act.op !== 'map') return;
    const former = get(before.domains, act.caller)?.mappings;
    for (const [handle] of entries(get(after.domains, act.caller)?.mappings))
      if (!has(former, handle)) this.#lines.set(`${act.caller}/${handle}`, { line, element: 0 });
  }
}
