import { V1_ENTRY_BYTES, V2_ENTRY_BYTES } from '../../../abi/grant-table.js';
import { DOMID_SELF, DomainId, Gfn, VcpuId } from '../../../abi/ids.js';
import type { Line } from '../../../abi/program.js';
import type { Load } from '../../../abi/step.js';
import { addressOf } from '../../generate/places.js';
import type { Scene } from '../../generate/scene.js';
import { entries } from '../../keyed-entries.js';
import { programPages } from '../toolstack.js';

/** Entries that are looked at, from the first. */
const REFS = 14;
/** The most gfns that are looked at, of one domain. */
const GFNS = 80;

/** What is to be seen in the end: of each domain its size, its grants, and what is at its gfns. */
export function* lastLook(scene: Scene): IterableIterator<Line> {
  for (let id = 1; id <= scene.machine.domains; id++) {
    const domain = DomainId(id);
    const by = { caller: domain, vcpu: VcpuId(0) };
    yield { op: 'domain_info', domain };
    yield { op: 'get_version', ...by, target: DOMID_SELF };
    yield { op: 'query_size', ...by, target: DOMID_SELF, count: 1 };
    yield* grants(scene, domain);
    for (const gfn of gfns(scene, domain)) {
      yield { op: 'inspect_gfn', domain, gfn };
      yield { op: 'load', ...by, address: addressOf(gfn, 0), size: 8 };
    }
  }
}

function* grants(scene: Scene, caller: DomainId): IterableIterator<Load> {
  const isSecond = scene.domain(caller)?.grantVersion === 2;
  const load = (gfn: number, byte: number, size: number): Load => {
    return { op: 'load', caller, vcpu: VcpuId(0), address: addressOf(gfn, byte), size };
  };
  for (let ref = 0; ref < REFS; ref++) {
    const bytes = isSecond ? V2_ENTRY_BYTES : V1_ENTRY_BYTES;
    for (let at = 0; at < bytes; at += 8) yield load(scene.layout.table, ref * bytes + at, 8);
    if (isSecond) yield load(scene.layout.statusTable, 2 * ref, 2);
  }
}

/** Where something is, or was likely to be. */
function gfns(scene: Scene, id: DomainId): readonly Gfn[] {
  const { ram, table, statusTable, holes } = scene.layout;
  const usual = Array.from({ length: 8 }, (_, i) => ram + i);
  const own = entries(scene.domain(id)?.p2m)
    .map(([gfn]) => gfn)
    .filter((gfn) => gfn < programPages.gfn || gfn >= programPages.gfn + programPages.count);
  const all = new Set([...usual, ...holes, table, table + 1, statusTable, ...own]);
  return [...all].slice(0, GFNS).map(Gfn);
}
