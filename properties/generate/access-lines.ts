import { V1_ENTRY_BYTES, V2_ENTRY_BYTES } from '../../abi/grant-table.js';
import type { GuestPhysical } from '../../abi/ids.js';
import type { Access } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { statusGfn, addressOf, offset, tableGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** A guest reads, writes, changes or runs memory: mostly where something has just changed. */
export function accessLine(scene: Scene, caller: Domain): Access {
  const { choose } = scene;
  const by = { caller: caller.id, vcpu: scene.vcpu, address: addressFor(scene, caller) };
  const way = choose.below(1000);
  if (way < 480) return { op: 'load', ...by, size: size(scene) };
  if (way < 850) return { op: 'store', ...by, size: size(scene), value: value(scene) };
  if (way < 910)
    return {
      op: 'cmpxchg',
      ...by,
      size: width(scene),
      expected: value(scene),
      value: value(scene),
    };
  if (way < 965) return { op: 'xadd', ...by, size: width(scene), value: addend(scene) };
  if (way < 997 || !scene.hostile()) return { op: 'fetch', ...by };
  return { op: 'crash', caller: caller.id, vcpu: by.vcpu };
}

function addressFor(scene: Scene, caller: Domain): GuestPhysical {
  if (percent(scene.choose, 7)) return tableAddress(scene, caller);
  return addressOf(usedGfn(scene, caller), offset(scene));
}

/** An entry of the caller's own grant table, or a status word: what it sees of its grants. */
function tableAddress(scene: Scene, caller: Domain): GuestPhysical {
  const { choose } = scene;
  const known = scene.attention.grant(choose);
  const ref = known?.granter === caller.id ? known.ref : scene.ref(caller) % 64;
  if (caller.grantVersion === 2 && percent(choose, 50))
    return addressOf(statusGfn(scene), (ref * 2) % 4094);
  const bytes = caller.grantVersion === 2 ? V2_ENTRY_BYTES : V1_ENTRY_BYTES;
  return addressOf(tableGfn(scene), (ref * bytes) % 4096);
}

const size = (scene: Scene): number =>
  scene.hostile() ? 1 + scene.choose.below(8) : pick(scene.choose, [8, 8, 4, 2, 1]);

const width = (scene: Scene): number => pick(scene.choose, [8, 4, 2, 1]);

/** Half the time one that makes sums of the values below carry, or just not. */
const addend = (scene: Scene): Word =>
  percent(scene.choose, 50) ? pick(scene.choose, edges) : value(scene);

/** A value that tells one store from another, or one of the few that matter to Xen. */
function value(scene: Scene): Word {
  const { choose } = scene;
  if (percent(choose, 85))
    return { low: choose.below(2 ** 16) + 0x1_0000, high: choose.below(256) };
  return pick(choose, percent(choose, 50) ? edges : meaningful);
}

/** Where a sum carries from one half to the other, and out. */
const edges: readonly Word[] = [
  { low: 0, high: 0 },
  { low: 1, high: 0 },
  { low: 0xffff_ffff, high: 0xffff_ffff },
  { low: 0xffff_ffff, high: 0 },
  { low: 0x8000_0000, high: 0 },
];

/** What is a grant entry, where it happens to land in a grant table. */
const meaningful: readonly Word[] = [
  { low: 0x0001_0019, high: 3 },
  { low: 0x0002_0001, high: 1 },
];
