import { CR0_PG, PTE_P } from '../../abi/control.js';
import { Gfn, VcpuId, type DomainId } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { get } from '../../values/keyed.js';
import { isPaged, vcpuOf } from '../../model/registers.js';
import type { Domain } from '../../model/state.js';
import { percent } from '../choose.js';
import { controlLine, enteringLine } from './control-lines.js';
import { linearLine } from './linear-lines.js';
import { entryIn, piecesOf, tableGfns } from './page-tables.js';
import { lineOf, pteLine } from './pte-lines.js';
import type { Scene } from './scene.js';

/** A line about page tables, by a vcpu of a domain that runs. */
export function pagingLine(scene: Scene, caller: Domain): Line {
  const { choose } = scene;
  const id = scene.vcpu;
  if (!isPaged(vcpuOf(scene.state, caller.id, id)) && percent(choose, 70)) {
    // Not every attempt is made when all is ready for it.
    if (scene.hostile()) return tooEarly(scene, caller, id);
    const line = settingUp(scene, caller, id);
    if (line !== undefined) return line;
  }
  if (percent(choose, 2)) {
    const repair = missingTable(caller);
    if (repair !== undefined) return populated(caller, id, repair);
  }
  const way = choose.below(100);
  if (way < scene.emphasis.tableShare) return pteLine(scene, caller, id);
  if (way < scene.emphasis.tableShare + scene.emphasis.controlShare)
    return controlLine(scene, caller, id);
  return linearLine(scene, caller, id);
}

/** Paging is turned on, or some register changed, whatever is missing. */
const tooEarly = (scene: Scene, caller: Domain, id: VcpuId): Line => {
  if (percent(scene.choose, 70)) return controlLine(scene, caller, id);
  const { cr0 } = vcpuOf(scene.state, caller.id, id);
  return { op: 'cr0', caller: caller.id, vcpu: id, value: (cr0 | CR0_PG) >>> 0 };
};

/** What is missing for a vcpu to run in the mode that is wanted of it: memory, entries, registers. */
function settingUp(scene: Scene, caller: Domain, id: VcpuId): Line | undefined {
  const mode = scene.wanted(caller.id, id);
  if (mode === 'unpaged') return undefined;
  const gap = missingTable(caller);
  if (gap !== undefined && percent(scene.choose, 80)) return populated(caller, id, gap);
  const piece = piecesOf(mode).find((each) => {
    const entry = entryIn(scene.state, caller, each);
    return entry !== undefined && (entry.low & PTE_P) === 0;
  });
  if (piece !== undefined) return lineOf(caller, id, piece, 0);
  return enteringLine(caller, id, vcpuOf(scene.state, caller.id, id), mode);
}

const missingTable = ({ p2m }: Domain): Gfn | undefined => {
  const gfn = tableGfns.find((each) => get(p2m, each)?.type !== 'ram_rw');
  return gfn === undefined ? undefined : Gfn(gfn);
};

const populated = ({ id: caller }: Domain, vcpu: VcpuId, gfn: Gfn): Line => {
  return { op: 'populate_physmap', caller, vcpu, target: caller, extents: [gfn], order: 0 };
};

/** The lines with which the vcpus of new domains turn paging on; each is chosen when made. */
export function* pagingOpening(scene: Scene, domains: readonly DomainId[]): IterableIterator<Line> {
  for (const domain of domains)
    for (let vcpu = 0; vcpu < scene.machine.vcpus; vcpu++)
      for (let i = 0; i < 64; i++) {
        const caller = scene.domain(domain);
        const line = caller === undefined ? undefined : settingUp(scene, caller, VcpuId(vcpu));
        if (line === undefined) break;
        yield line;
      }
}
