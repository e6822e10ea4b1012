import { GNTCOPY_source_gref, GNTCOPY_dest_gref } from '../../abi/grant-table.js';
import { GNTMAP_host_map, GNTMAP_readonly } from '../../abi/grant-table.js';
import { DomainId, DOMID_SELF, FIRST_VCPU, Gfn, GrantRef, GuestPhysical } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import { XENMAPSPACE_gmfn, type CopySide } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { pick, type Choose } from '../choose.js';
import { everyOne } from '../sweep/every-choice.js';
import type { Act } from './bound.js';

/** What two guests do, and with which arguments: every combination of these is an act. */
export interface GrantWords {
  readonly operations: readonly (keyof typeof grantOperations)[];
  readonly refs: readonly number[];
  /** Gfns with RAM at the beginning, and without. */
  readonly ram: readonly number[];
  readonly holes: readonly number[];
  /** Flags of a grant entry; besides, it can be withdrawn. */
  readonly flags: readonly number[];
  /** Machine frames, and the most pages that one domain may own. */
  readonly frames: number;
  readonly pages: number;
}

/** The acts, operation by operation, in the order of their choices. */
export const grantActs = (words: GrantWords): readonly Act[] =>
  words.operations.flatMap((operation) => [
    ...everyOne((choose) => grantOperations[operation](choose, words)),
  ]);

const guests = [DomainId(1), DomainId(2)] as const;
const modes = [0, GNTMAP_readonly];
const table = Gfn(presets.tiny.defaults.tableGfn ?? 8);

/** A guest that acts, and the other one. */
function pair(choose: Choose) {
  const first = choose.below(2);
  const [caller, other] = first === 0 ? guests : [guests[1], guests[0]];
  return { by: { caller, vcpu: FIRST_VCPU }, other };
}

const gfnsOf = ({ ram, holes }: GrantWords): readonly number[] => [...ram, ...holes];

/** What is copied lies behind every grant table, so that none is made by copying. */
const DATA = 2048;
const side = (domain: DomainId, at: number): CopySide => ({ domain, at, offset: DATA });

const grantOperations = {
  grant(choose: Choose, words: GrantWords): Act {
    const { by, other } = pair(choose);
    const ref = GrantRef(pick(choose, words.refs));
    const flags = pick(choose, [0, ...words.flags]);
    const frame = flags === 0 ? 0 : pick(choose, gfnsOf(words));
    const to = flags === 0 ? DomainId(0) : other;
    const entry = { ref, table, version: 1, flags, to, frame, detail: { is: 'none' } } as const;
    return { op: 'grant', ...by, ...entry };
  },
  map(choose: Choose, words: GrantWords): Act {
    const { by, other } = pair(choose);
    const ref = GrantRef(pick(choose, words.refs));
    const address = GuestPhysical(pick(choose, gfnsOf(words)) * PAGE_BYTES);
    const flags = GNTMAP_host_map | pick(choose, modes);
    return { op: 'map', ...by, elements: [{ granter: other, ref, address, flags }] };
  },
  unmap(choose: Choose, words: GrantWords): Act {
    const { by, other } = pair(choose);
    const ref = GrantRef(pick(choose, words.refs));
    const gfn = Gfn(pick(choose, gfnsOf(words)));
    const readonly = choose.below(2) === 1;
    return { op: 'unmap_grant', caller: by.caller, granter: other, ref, readonly, gfn };
  },
  copy(choose: Choose, words: GrantWords): Act {
    const { by, other } = pair(choose);
    const granted = side(other, pick(choose, words.refs));
    const own = side(DOMID_SELF, pick(choose, gfnsOf(words)));
    const element =
      choose.below(2) === 0
        ? { source: granted, dest: own, length: 8, flags: GNTCOPY_source_gref }
        : { source: own, dest: granted, length: 8, flags: GNTCOPY_dest_gref };
    return { op: 'copy', ...by, elements: [element] };
  },
  store(choose: Choose, words: GrantWords): Act {
    const { by } = pair(choose);
    const address = GuestPhysical(pick(choose, gfnsOf(words)) * PAGE_BYTES + DATA);
    return { op: 'store', ...by, address, size: 8, value: { low: 1, high: 0 } };
  },
  populate(choose: Choose, words: GrantWords): Act {
    const { by } = pair(choose);
    const extents = [Gfn(pick(choose, gfnsOf(words)))];
    return { op: 'populate_physmap', ...by, target: DOMID_SELF, extents, order: 0 };
  },
  decrease(choose: Choose, words: GrantWords): Act {
    const { by } = pair(choose);
    const extents = [Gfn(pick(choose, gfnsOf(words)))];
    return { op: 'decrease_reservation', ...by, target: DOMID_SELF, extents, order: 0 };
  },
  add_to_physmap(choose: Choose, words: GrantWords): Act {
    const { by } = pair(choose);
    const index = pick(choose, gfnsOf(words));
    const gfn = Gfn(pick(choose, gfnsOf(words)));
    const space = XENMAPSPACE_gmfn;
    return { op: 'add_to_physmap', ...by, target: DOMID_SELF, space, index, gfn, size: 0 };
  },
  destroy(choose: Choose): Act {
    return { op: 'destroy', domain: pick(choose, guests) };
  },
} as const;
