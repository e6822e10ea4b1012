import { PTE_P } from '../../abi/control.js';
import type { DomainId, VcpuId } from '../../abi/ids.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import { the } from '../../model/derived.js';
import { readings, type Table, type Walker } from '../../model/readings.js';
import { featuresOf, linearNumber, modeOf, vcpuOf } from '../../model/registers.js';
import type { Past, State } from '../../model/state.js';
import { frameOf, isSuperpage, rootFrame, spanOf, widthOf } from '../../model/table-entries.js';

/**
 * What a vcpu may remember, as a text. Its past is a list of states that grows without end; what can come
 * of it is which entries walks read one after the other, in moments between which nothing was forgotten.
 * Where that is the same it stays the same whatever is done next: a walk goes on from what it has read.
 */
export function pastKey(
  state: State,
  id: DomainId,
  vcpu: VcpuId,
  linears: readonly Word[],
): string {
  const { past } = vcpuOf(state, id, vcpu);
  if (past === undefined) return '';
  const keys = linears.map((linear) => keyOfOne(state, id, vcpu, linear, past));
  return `|${keys.join(':')}`;
}

/** Of one linear address: what is open to later entries, and what was read before something was forgotten. */
function keyOfOne(state: State, id: DomainId, vcpu: VcpuId, linear: Word, latest: Past): string {
  const number = linearNumber(linear, modeOf(vcpuOf(state, id, vcpu)));
  const page = Math.floor(number / PAGE_BYTES);
  let open: string | undefined;
  const closed = new Set<string>();
  let isLocalForgotten = false;
  let moments: [State, ...State[]] = [state];
  const close = (): void => {
    const read = readBy(moments, id, vcpu, number);
    if (open === undefined) open = read.toSorted().join(' ');
    else for (const one of read) closed.add(`${Number(isLocalForgotten)}${one}`);
  };
  for (let past: Past | undefined = latest; past !== undefined; past = past.earlier) {
    const { forgotten } = past;
    if (forgotten === 'nothing') {
      moments = [past.state, ...moments];
      continue;
    }
    close();
    moments = [past.state];
    if (forgotten === 'local') isLocalForgotten = true;
    else if (forgotten.page === page) return `${open ?? ''}/${[...closed].toSorted().join(' ')}`;
  }
  close();
  return `${open ?? ''}/${[...closed].toSorted().join(' ')}`;
}

/** The ways down that walks over some moments may have read, as far as they go. */
function readBy(
  moments: readonly [State, ...State[]],
  id: DomainId,
  vcpuId: VcpuId,
  linear: number,
): readonly string[] {
  const vcpu = vcpuOf(moments[0], id, vcpuId);
  const mode = modeOf(vcpu);
  if (mode === 'unpaged') return [];
  const walker = { moments, id, vcpuId, mode, linear, isForCall: false };
  if (mode !== 'pae') {
    const levels = mode === '2-level' ? 2 : 4;
    return below(walker, levels, { gfn: rootFrame(vcpu), root: vcpu.root }, 0, '');
  }
  const entry = the(vcpu.pdptes[Math.floor(linear / 2 ** 30)]);
  return below(walker, 2, { gfn: frameOf(entry, mode), root: undefined }, 0, '');
}

function below(
  walker: Walker,
  level: number,
  table: Table,
  from: number,
  above: string,
): readonly string[] {
  const { moments, id, vcpuId, mode, linear } = walker;
  const width = widthOf(mode);
  const index = Math.floor(linear / spanOf(level, mode)) % (PAGE_BYTES / width);
  return readings(walker, table, index * width, width, from).flatMap((reading) => {
    if (reading === undefined) return [`${above}-`];
    const { value, at, efer, isWritable } = reading;
    const now = the(moments[at]);
    const way = `${above}${value.high}.${value.low}.${efer}.${Number(isWritable)}>`;
    const reader = { mode, vcpu: vcpuOf(now, id, vcpuId), cpu: featuresOf(now) };
    const isEnd = (value.low & PTE_P) === 0 || level === 1 || isSuperpage(value, level, reader);
    if (isEnd) return [way];
    const next = { gfn: frameOf(value, mode), root: undefined };
    return [way, ...below(walker, level - 1, next, at, way)];
  });
}
