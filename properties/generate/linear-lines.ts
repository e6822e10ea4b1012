import type { VcpuId } from '../../abi/ids.js';
import type { Accessor, LinearAccess } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import { sum } from '../../values/words.js';
import { modeOf, vcpuOf } from '../../model/registers.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { linearOf } from './page-tables.js';
import { entryValue } from './pte-lines.js';
import type { Scene } from './scene.js';

/** A guest reads, writes, changes or runs memory through its page tables. */
export function linearLine(scene: Scene, caller: Domain, vcpu: VcpuId): LinearAccess {
  const { choose } = scene;
  const way = choose.below(100);
  const linear = linearFor(scene, caller, vcpu);
  scene.attention.through({ domain: caller.id, vcpu, linear });
  const as: Accessor = pick(choose, accessorsByWeight);
  const by = { caller: caller.id, vcpu, linear, size: sizeFor(scene) };
  if (way < 40) return { op: 'load_linear', ...by, as };
  if (way < 74) return { op: 'store_linear', ...by, as, value: valueFor(scene, caller, vcpu) };
  if (way < 82) {
    const expected = percent(choose, 50) ? { low: 0, high: 0 } : valueFor(scene, caller, vcpu);
    const value = valueFor(scene, caller, vcpu);
    return { op: 'cmpxchg_linear', ...by, as, expected, value };
  }
  if (way < 90) return { op: 'xadd_linear', ...by, as, value: valueFor(scene, caller, vcpu) };
  return { op: 'fetch_linear', ...by, as: as === 'implicit' ? 'kernel' : as };
}

const accessorsByWeight: readonly Accessor[] = [
  ...Array.from({ length: 9 }, (): Accessor => 'user'),
  ...Array.from({ length: 9 }, (): Accessor => 'kernel'),
  'kernel_ac',
  'kernel_ac',
  'implicit',
];

/** Mostly an address that was used lately, or one beside it. */
export function linearFor(scene: Scene, caller: Domain, vcpu: VcpuId): Word {
  const { choose } = scene;
  if (scene.hostile()) return strange(scene);
  if (scene.attentive()) {
    const id = percent(choose, 70) ? vcpu : scene.vcpu;
    const known = scene.attention.linearOf(choose, caller.id, id);
    if (known !== undefined)
      return percent(choose, 85) ? known : sum(known, { low: 0x1000, high: 0 });
  }
  const indexes = [
    percent(choose, 75)
      ? choose.below(8)
      : pick(choose, [0x20, 0x28, 0x30, 0x40, 0x41, 0x42, 8, 9, 10, 12, 13, 14, 15, 0x50]),
    percent(choose, 95) ? choose.below(6) : 511,
    choose.below(percent(choose, 80) ? 2 : 4),
    percent(choose, 90) ? choose.below(2) : 511,
  ];
  return linearOf(vcpuOf(scene.state, caller.id, vcpu), indexes, byteFor(scene));
}

const byteFor = (scene: Scene): number =>
  pick(scene.choose, [0, 0, 0, 0, 8, 16, 24, 0x18, 4088, 4092, 4095]);

const sizeFor = (scene: Scene): number =>
  scene.hostile() ? 1 + scene.choose.below(8) : pick(scene.choose, [8, 8, 4, 4, 2, 1]);

/** At the edges of the address space, and outside it. */
const strange = (scene: Scene): Word => {
  const { choose } = scene;
  return pick(choose, [
    { low: 0xffff_fff8, high: 0xffff_ffff },
    { low: 0xffff_fffc, high: 0 },
    { low: 0xffff_ffff, high: 0x7fff },
    { low: 0xffff_fffa, high: 0x7fff },
    { low: 0, high: 0xffff_8000 },
    { low: 0x1000, high: 0x8000 },
    { low: choose.below(2 ** 16) * 0x1000, high: choose.below(4) },
  ]);
};

/** What a store leaves: often an entry, for where it lands may be a table. */
function valueFor(scene: Scene, caller: Domain, vcpu: VcpuId): Word {
  const { choose } = scene;
  const mode = modeOf(vcpuOf(scene.state, caller.id, vcpu));
  if (percent(choose, 35)) return entryValue(scene, mode);
  return { low: choose.below(2 ** 16) + 0x1_0000, high: choose.below(256) };
}
