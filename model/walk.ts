import * as abi from '../abi/control.js';
import type { DomainId, VcpuId } from '../abi/ids.js';
import type { RefusalId } from '../abi/rules.js';
import { PAGE_BYTES } from '../abi/word.js';
import { the } from './derived.js';
import { readings, type Reading, type Table, type Walker } from './readings.js';
import { frameOf, hasReservedBit, isSuperpage, leafFrame, rootFrame } from './table-entries.js';
import { spanOf, widthOf } from './table-entries.js';
import { featuresOf, hasNoExecute, modeOf, vcpuOf } from './registers.js';
import type { State } from './state.js';

/** What a walk finds: the page at a linear address, and what all entries on the way allow. */
export interface Translation {
  readonly gfn: number;
  readonly isUser: boolean;
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
  readonly isGlobal: boolean;
  /** The protection key, 0 outside long mode. */
  readonly key: number;
  /** The entries that were read, the leaf last; PAE's top level is not read in a walk. */
  readonly entries: readonly Reading[];
}

/** Where a walk ended without a translation, and what its page fault says of that. */
export interface Stop {
  readonly refusal: RefusalId;
  readonly code: number;
  /** The gfn at which there is no table. */
  readonly table?: number;
}

/**
 * [W1] The walk: from CR3 down, in the mode of the vcpu, through the entries that the linear address
 * selects. It reads at one moment, the state as it is, or over several in turn ([T1]): an entry may
 * then be any that it was from the moment on at which the one above it was read.
 */
export function walks(
  moments: readonly [State, ...State[]],
  id: DomainId,
  vcpuId: VcpuId,
  linear: number,
  isForCall = false,
): readonly (Translation | Stop)[] {
  const vcpu = vcpuOf(moments[0], id, vcpuId);
  const mode = modeOf(vcpu);
  if (mode === 'unpaged') return [{ ...allRights, gfn: Math.floor(linear / PAGE_BYTES) }];

  const walker = { moments, id, vcpuId, mode, linear, isForCall };
  const top = { gfn: rootFrame(vcpu), root: vcpu.root };
  if (mode !== 'pae') return below(walker, mode === '2-level' ? 2 : 4, top, allRights, 0);
  // [W7] PAE's top level is what was loaded with CR3: four entries without rights.
  const entry = the(vcpu.pdptes[Math.floor(linear / 2 ** 30)]);
  if ((entry.low & abi.PTE_P) === 0) return [{ refusal: 'W7.1', code: 0 }];
  return below(walker, 2, { gfn: frameOf(entry, mode), root: undefined }, allRights, 0);
}

const allRights: Translation = {
  gfn: 0,
  isUser: true,
  isWritable: true,
  isExecutable: true,
  isGlobal: false,
  key: 0,
  entries: [],
};

/** [W2] [W3] A table and all below it: present, then reserved, then the rights so far, then down. */
function below(
  walker: Walker,
  level: number,
  table: Table,
  rights: Translation,
  from: number,
): readonly (Translation | Stop)[] {
  const { moments, id, vcpuId, mode, linear } = walker;
  const span = spanOf(level, mode);
  const width = widthOf(mode);
  const index = Math.floor(linear / span) % (PAGE_BYTES / width);
  return readings(walker, table, index * width, width, from).flatMap((reading) => {
    if (reading === undefined) return [{ refusal: 'W5.1', code: 0, table: table.gfn }];
    const { value, at } = reading;
    const now = the(moments[at]);
    const vcpu = vcpuOf(now, id, vcpuId);
    if ((value.low & abi.PTE_P) === 0) return [{ refusal: 'W2.1', code: 0 }];

    const reader = { mode, vcpu, cpu: featuresOf(now) };
    const isLeaf = level === 1 || isSuperpage(value, level, reader);
    if (hasReservedBit(value, level, isLeaf, reader))
      return [{ refusal: 'W2.2', code: abi.PFEC_P | abi.PFEC_RSVD }];

    const seen = {
      ...rights,
      isUser: rights.isUser && (value.low & abi.PTE_US) !== 0,
      isWritable: rights.isWritable && (value.low & abi.PTE_RW) !== 0,
      isExecutable: rights.isExecutable && !(hasNoExecute(vcpu) && value.high >= abi.PTE_NX_HIGH),
      entries: [...rights.entries, reading],
    };
    if (!isLeaf) {
      const next = { gfn: frameOf(value, mode), root: undefined };
      return below(walker, level - 1, next, seen, at);
    }
    return [
      {
        ...seen,
        gfn:
          leafFrame(value, level, mode) + (Math.floor(linear / PAGE_BYTES) % (span / PAGE_BYTES)),
        isGlobal: (value.low & abi.PTE_G) !== 0 && (vcpu.cr4 & abi.CR4_PGE) !== 0,
        key: mode === '4-level' ? (value.high >>> abi.PTE_KEY_SHIFT_HIGH) & 0xf : 0,
      },
    ];
  });
}
