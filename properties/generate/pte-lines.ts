import * as abi from '../../abi/control.js';
import { Gfn, type VcpuId } from '../../abi/ids.js';
import type { PteLine } from '../../abi/program.js';
import type { Word } from '../../abi/word.js';
import { gfnOf } from '../../model/derived.js';
import { linearNumber, modeOf, vcpuOf, type Mode } from '../../model/registers.js';
import type { Domain } from '../../model/state.js';
import { walks } from '../../model/walk.js';
import { percent, pick } from '../choose.js';
import { entryIn, piecesOf, tableGfns, type Piece } from './page-tables.js';
import type { Scene } from './scene.js';

/** A guest changes its page tables: mostly an entry that an access has just gone through. */
export function pteLine(scene: Scene, caller: Domain, vcpu: VcpuId): PteLine {
  const { choose } = scene;
  const mode = modeOf(vcpuOf(scene.state, caller.id, vcpu));
  const way = choose.below(100);
  if (way < 50) {
    const used = usedEntry(scene, caller, vcpu);
    if (used !== undefined) return changed(scene, caller, vcpu, used);
  }
  const pieces = piecesOf(mode === 'unpaged' ? scene.wanted(caller.id, vcpu) : mode);
  if (way < 75 && pieces.length > 0) return lineOf(caller, vcpu, pick(choose, pieces), 0);
  const place: Place = {
    table: Gfn(pick(choose, tableGfns)),
    index: pick(choose, [0, 0, 1, 1, 2, 3, 4, 5, 511]),
    width: mode === '2-level' ? 4 : 8,
  };
  if (way < 90) return changed(scene, caller, vcpu, place);
  return {
    ...place,
    ...by(caller, vcpu),
    frame: someFrame(scene),
    flags: someFlags(scene, mode),
    high: someHigh(scene),
  };
}

type Place = Pick<Piece, 'table' | 'index' | 'width'>;

const by = (caller: Domain, vcpu: VcpuId): Pick<PteLine, 'op' | 'caller' | 'vcpu'> => {
  return { op: 'pte', caller: caller.id, vcpu };
};

/** The default entry as it should be. */
export const lineOf = (caller: Domain, vcpu: VcpuId, piece: Piece, more: number): PteLine => {
  const { table, index, width, frame, flags } = piece;
  return {
    ...by(caller, vcpu),
    table,
    index,
    width,
    frame: Gfn(frame),
    flags: flags | more,
    high: 0,
  };
};

/** One of the entries on the way of an access made lately. */
function usedEntry(scene: Scene, caller: Domain, vcpu: VcpuId): Place | undefined {
  const linear = scene.attention.linearOf(scene.choose, caller.id, vcpu);
  if (linear === undefined) return undefined;
  const mode = modeOf(vcpuOf(scene.state, caller.id, vcpu));
  const [walk] = walks([scene.state], caller.id, vcpu, linearNumber(linear, mode));
  if (walk === undefined || 'refusal' in walk || walk.entries.length === 0) return undefined;
  // The lower half of the walk is changed more often than the top.
  const { length } = walk.entries;
  const entry = walk.entries[percent(scene.choose, 65) ? length - 1 : scene.choose.below(length)];
  const table = entry === undefined ? undefined : gfnOf(caller, entry.page);
  if (entry === undefined || table === undefined) return undefined;
  return { table, index: entry.offset / entry.width, width: entry.width };
}

/** An entry as it is, but for one or two things. */
function changed(scene: Scene, caller: Domain, vcpu: VcpuId, place: Place): PteLine {
  const old = entryIn(scene.state, caller, place) ?? { low: 0, high: 0 };
  const edit = (value: Word): Word => edited(scene, value, place.width);
  const next = percent(scene.choose, 25) ? edit(edit(old)) : edit(old);
  const frame = Gfn((next.low >>> 12) + (place.width === 8 ? (next.high & 0xf_ffff) * 2 ** 20 : 0));
  const high = place.width === 8 ? (next.high & ~0xf_ffff) >>> 0 : 0;
  return { ...by(caller, vcpu), ...place, frame, flags: next.low & 0xfff, high };
}

function edited(scene: Scene, { low, high }: Word, width: 4 | 8): Word {
  const { choose } = scene;
  const way = choose.below(100);
  if (way < 50) return { low: (low ^ pick(choose, flipped)) >>> 0, high };
  if (way < 58) return { low: (low & ~(abi.PTE_A | abi.PTE_D)) >>> 0, high };
  if (way < 80) return { low: (low & 0xfff) + someFrame(scene) * 4096, high: 0 };
  if (way < 84) return { low: 0, high: 0 };
  if (way < 90 && width === 8) return { low, high: (high ^ abi.PTE_NX_HIGH) >>> 0 };
  if (way < 94 || !scene.hostile()) return { low: low | abi.PTE_P | abi.PTE_RW | abi.PTE_US, high };
  if (width === 4) return { low: (low ^ (1 << (12 + choose.below(11)))) >>> 0, high };
  return percent(choose, 50)
    ? { low, high: (high ^ abi.PTE_NX_HIGH) >>> 0 }
    : { low, high: (high ^ (1 << choose.below(32))) >>> 0 };
}

const flipped = [
  abi.PTE_P,
  abi.PTE_RW,
  abi.PTE_RW,
  abi.PTE_US,
  abi.PTE_A,
  abi.PTE_D,
  abi.PTE_D,
  abi.PTE_PS,
  abi.PTE_G,
  abi.PTE_PWT,
] as const;

/** A gfn that an entry may name: RAM, tables, places of grants, holes. */
export function someFrame(scene: Scene): Gfn {
  const { choose } = scene;
  if (percent(choose, 35)) return Gfn(choose.below(8));
  if (percent(choose, 50)) return Gfn(pick(choose, tableGfns));
  return Gfn(
    pick(choose, [0x40, 0x41, 0x42, 0x43, 0x30, 0x20, 0x21, 0x50, 0x200, 0x400, 0xf_ffff]),
  );
}

function someFlags(scene: Scene, mode: Mode): number {
  const { choose } = scene;
  const flag = (bit: number, often: number): number => (percent(choose, often) ? bit : 0);
  return (
    flag(abi.PTE_P, 93) |
    flag(abi.PTE_RW, mode === 'pae' ? 70 : 85) |
    flag(abi.PTE_US, 80) |
    flag(abi.PTE_A, 50) |
    flag(abi.PTE_D, 40) |
    flag(abi.PTE_PS, 12) |
    flag(abi.PTE_G, 12)
  );
}

const someHigh = (scene: Scene): number =>
  scene.hostile()
    ? pick(scene.choose, [abi.PTE_NX_HIGH, abi.PTE_NX_HIGH, 0x0800_0000, 0x10_0000])
    : 0;

/** A value that a store may leave in a table. */
export const entryValue = (scene: Scene, mode: Mode): Word => {
  const low = someFrame(scene) * 4096 + someFlags(scene, mode);
  return { low: low >>> 0, high: mode === '2-level' ? low >>> 0 : someHigh(scene) };
};
