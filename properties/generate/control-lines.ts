import * as abi from '../../abi/control.js';
import type { VcpuId } from '../../abi/ids.js';
import type { Control, LogDirty } from '../../abi/step.js';
import { modeOf, isPaged, vcpuOf, type Mode } from '../../model/registers.js';
import type { Domain, Vcpu } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { linearOf, roots } from './page-tables.js';
import type { Scene } from './scene.js';

/** A guest flushes, loads CR3, or changes what its registers say of its tables. */
export function controlLine(scene: Scene, caller: Domain, id: VcpuId): Control | LogDirty {
  const { choose } = scene;
  const vcpu = vcpuOf(scene.state, caller.id, id);
  const by = { caller: caller.id, vcpu: id };
  const way = choose.below(1000);
  if (way < 420) {
    const linear =
      scene.attention.linearOf(choose, caller.id, id) ?? linearOf(vcpu, [0, 0, 0, 0], 0);
    return { op: 'invlpg', ...by, linear };
  }
  if (way < 660) return { op: 'cr3', ...by, value: vcpu.cr3 };
  if (way < 740) return { op: 'cr3', ...by, value: { low: cr3For(scene, modeOf(vcpu)), high: 0 } };
  if (way < 860) return { op: 'cr4', ...by, value: (vcpu.cr4 ^ pick(choose, cr4Bits)) >>> 0 };
  if (way < 910) return { op: 'cr0', ...by, value: (vcpu.cr0 ^ abi.CR0_WP) >>> 0 };
  if (way < 940) return { op: 'efer', ...by, value: (vcpu.efer ^ abi.EFER_NXE) >>> 0 };
  if (way < 960) return { op: 'pkru', ...by, value: pick(choose, [0, 1, 2, 3, 0x5555_5554, 0xc]) };
  if (way < 972) {
    scene.wantOther(caller.id, id);
    return { op: 'cr0', ...by, value: (vcpu.cr0 ^ abi.CR0_PG) >>> 0 };
  }
  if (way < 986) return logLine(scene, caller);
  if (percent(choose, 60)) return { op: 'cr3', ...by, value: vcpu.cr3 };
  return pick(choose, [
    { op: 'cr0', ...by, value: (vcpu.cr0 ^ abi.CR0_PE) >>> 0 },
    { op: 'cr0', ...by, value: (vcpu.cr0 ^ abi.CR0_NW) >>> 0 },
    { op: 'cr4', ...by, value: (vcpu.cr4 ^ abi.CR4_PAE) >>> 0 },
    { op: 'efer', ...by, value: (vcpu.efer ^ abi.EFER_LME) >>> 0 },
    { op: 'cr0', ...by, value: (vcpu.cr0 | abi.CR0_PG) >>> 0 },
    { op: 'cr3', ...by, value: { low: vcpu.cr3.low, high: 0x1000 } },
    { op: 'cr0', ...by, value: (vcpu.cr0 ^ (1 << choose.below(32))) >>> 0 },
    { op: 'cr4', ...by, value: (vcpu.cr4 ^ (1 << choose.below(32))) >>> 0 },
    { op: 'efer', ...by, value: (vcpu.efer ^ (1 << choose.below(12))) >>> 0 },
    { op: 'cr3', ...by, value: { low: vcpu.cr3.low, high: 1 << choose.below(31) } },
    { op: 'cr3', ...by, value: { low: choose.below(0x50) * 0x1000, high: 0 } },
  ] as const);
}

const cr4Bits = [
  abi.CR4_PSE,
  abi.CR4_PGE,
  abi.CR4_PGE,
  abi.CR4_SMEP,
  abi.CR4_SMEP,
  abi.CR4_SMAP,
  abi.CR4_SMAP,
  abi.CR4_PAE,
  abi.CR4_PKE,
] as const;

/** Another top of the tables: that of another mode too, or another part of the page. */
const cr3For = (scene: Scene, mode: Mode): number => {
  const root = percent(scene.choose, 70) ? roots[mode] : pick(scene.choose, [8, 9, 10, 11, 14]);
  return root * 0x1000 + pick(scene.choose, [0, 0, 0, 0x20, 0x18]);
};

function logLine(scene: Scene, { id, loggedSince }: Domain): LogDirty {
  const isOn = percent(scene.choose, 5) ? loggedSince === undefined : loggedSince !== undefined;
  const action = isOn
    ? pick(scene.choose, ['peek', 'clean', 'clean', 'disable'] as const)
    : 'enable';
  const domain = scene.hostile() ? scene.anyId() : id;
  return { op: 'log_dirty', domain, action };
}

/** What an unpaged vcpu does next to run in a mode: undefined once it does. */
export function enteringLine(
  caller: Domain,
  id: VcpuId,
  vcpu: Vcpu,
  mode: Mode,
): Control | undefined {
  const by = { caller: caller.id, vcpu: id };
  if (mode === 'unpaged' || isPaged(vcpu)) return undefined;
  const isOdd = id % 2 === 1;
  const long = mode === '4-level' ? abi.EFER_LME : 0;
  const efer = (vcpu.efer & ~abi.EFER_LME) | long | (isOdd ? 0 : abi.EFER_NXE);
  if (efer !== vcpu.efer) return { op: 'efer', ...by, value: efer };
  const bits = abi.CR4_PAE | abi.CR4_PSE;
  const cr4 = (vcpu.cr4 & ~bits) | abi.CR4_PSE | (mode === '2-level' ? 0 : abi.CR4_PAE);
  if (cr4 !== vcpu.cr4) return { op: 'cr4', ...by, value: cr4 };
  const root = roots[mode] * 0x1000;
  if (vcpu.cr3.low !== root || vcpu.cr3.high !== 0)
    return { op: 'cr3', ...by, value: { low: root, high: 0 } };
  return { op: 'cr0', ...by, value: (vcpu.cr0 | abi.CR0_PG) >>> 0 };
}
