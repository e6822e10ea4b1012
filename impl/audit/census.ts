import { GNTMAP_device_map } from '../../abi/grant-table.js';
import { CONTROL, Handle } from '../../abi/ids.js';
import type { Gfn, GrantRef } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import { isGrant, isRam, mfnOf } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';
import { isTypedEntry, isTypedShadow, isTypedWindow } from './type-references.js';

/** What the p2ms and the maptracks say about frames and refs: the source of every count. */
export interface Census {
  /** Live host handles on each frame, over all domains. */
  readonly handlesOn: Int32Array;
  /** RAM entries of each frame in its owner's p2m. */
  readonly ramEntriesOf: Int32Array;
  /** Writable grant entries of each frame in its owner's own p2m. */
  readonly ownWritableEntriesOf: Int32Array;
  /** References on each frame by paging: roots that vcpus hold, and what shadows do. */
  readonly pagingReferencesOn: Int32Array;
  readonly pagingTypesOn: Int32Array;
  /** Windows of the control domain on each frame; those, and device mappings, that hold its type. */
  readonly windowsOn: Int32Array;
  readonly windowTypesOn: Int32Array;
  /** By domain: its entries, grant entries by frame, host handles by frame. */
  readonly domains: ReadonlyMap<Domain, DomainCensus>;
  /** Parts of live handles by who mapped, the control domain among them. */
  readonly partsOf: ReadonlyMap<Domain, number>;
  /** By granter and ref: how it is mapped. */
  readonly uses: ReadonlyMap<Domain, ReadonlyMap<GrantRef, UseCensus>>;
}

export interface DomainCensus {
  readonly entries: readonly { readonly gfn: Gfn; readonly found: Leaf }[];
  readonly grantEntriesOn: ReadonlyMap<number, number>;
  readonly handlesOn: ReadonlyMap<number, number>;
  /** Parts of live handles: in memory, and for devices. */
  readonly parts: number;
}

/** The live handles of one ref. */
export interface UseCensus {
  reads: number;
  writes: number;
  deviceReads: number;
  deviceWrites: number;
  readonly mappers: Set<Domain>;
}

/** Counts everything once. */
export function takeCensus(host: Host): Census {
  const handlesOn = new Int32Array(host.ram.frameCount);
  const ramEntriesOf = new Int32Array(host.ram.frameCount);
  const ownWritableEntriesOf = new Int32Array(host.ram.frameCount);
  const pagingReferencesOn = new Int32Array(host.ram.frameCount);
  const pagingTypesOn = new Int32Array(host.ram.frameCount);
  const windowsOn = new Int32Array(host.ram.frameCount);
  const windowTypesOn = new Int32Array(host.ram.frameCount);
  host.windows.forEach((_, entry) => {
    windowsOn[entry.mfn] = (windowsOn[entry.mfn] ?? 0) + 1;
    if (!isTypedWindow(host, entry)) return;
    windowTypesOn[entry.mfn] = (windowTypesOn[entry.mfn] ?? 0) + 1;
  });
  const domains = new Map<Domain, DomainCensus>();
  const partsOf = new Map<Domain, number>();
  const uses = new Map<Domain, Map<GrantRef, UseCensus>>();
  for (const domain of host.domains.guests()) {
    const entries: { gfn: Gfn; found: Leaf }[] = [];
    const grantEntriesOn = new Map<number, number>();
    domain.p2m.forEach((gfn, found) => {
      entries.push({ gfn, found });
      const mfn = mfnOf(found);
      if (isGrant(found)) grantEntriesOn.set(mfn, (grantEntriesOn.get(mfn) ?? 0) + 1);
      if (isRam(found)) ramEntriesOf[mfn] = (ramEntriesOf[mfn] ?? 0) + 1;
      if (isTypedEntry(host, domain, found)) {
        ownWritableEntriesOf[mfn] = (ownWritableEntriesOf[mfn] ?? 0) + 1;
      }
    });
    const counted = countHandles(host, domain, uses, windowTypesOn);
    partsOf.set(domain, counted.parts);
    for (const [mfn, count] of counted.handlesOn) {
      handlesOn[mfn] = (handlesOn[mfn] ?? 0) + count;
    }
    countPaging(host, domain, pagingReferencesOn, pagingTypesOn);
    domains.set(domain, { entries, grantEntriesOn, ...counted });
  }
  const control = host.control();
  const byControl = countHandles(host, control, uses, windowTypesOn);
  partsOf.set(control, byControl.parts);
  for (const [mfn, count] of byControl.handlesOn) {
    handlesOn[mfn] = (handlesOn[mfn] ?? 0) + count;
  }
  return {
    handlesOn,
    ramEntriesOf,
    ownWritableEntriesOf,
    pagingReferencesOn,
    pagingTypesOn,
    windowsOn,
    windowTypesOn,
    domains,
    partsOf,
    uses,
  };
}

function countPaging(host: Host, domain: Domain, references: Int32Array, types: Int32Array): void {
  for (const { heldRoot } of domain.vcpus) {
    if (heldRoot !== undefined) references[heldRoot] = (references[heldRoot] ?? 0) + 1;
  }
  domain.paging.forEachReference((mfn, isWritable) => {
    references[mfn] = (references[mfn] ?? 0) + 1;
    if (isWritable && isTypedShadow(host, domain, mfn)) types[mfn] = (types[mfn] ?? 0) + 1;
  });
}

function countHandles(
  host: Host,
  domain: Domain,
  uses: Map<Domain, Map<GrantRef, UseCensus>>,
  windowTypesOn: Int32Array,
): Pick<DomainCensus, 'handlesOn' | 'parts'> {
  const handlesOn = new Map<number, number>();
  let parts = 0;
  const { maptrack } = domain;
  for (let row = 0; row < maptrack.limit(); row += 1) {
    const handle = Handle(row);
    if (!maptrack.isLive(handle)) continue;
    const isDevice = (maptrack.flagsOf(handle) & GNTMAP_device_map) !== 0;
    parts += (maptrack.isHostMapped(handle) ? 1 : 0) + (isDevice ? 1 : 0);
    const granter = host.domains.byId(maptrack.granterOf(handle));
    const ref = maptrack.refOf(handle);
    if (granter === undefined || ref >= granter.grants.refCount()) continue;
    const mfn = granter.grants.active.mfnOf(ref);
    // The reference of a host mapping of the control domain is that of its window.
    if (isDevice || domain.id !== CONTROL) handlesOn.set(mfn, (handlesOn.get(mfn) ?? 0) + 1);
    const refs = uses.get(granter) ?? new Map<GrantRef, UseCensus>();
    uses.set(granter, refs);
    const use = refs.get(ref) ?? {
      reads: 0,
      writes: 0,
      deviceReads: 0,
      deviceWrites: 0,
      mappers: new Set<Domain>(),
    };
    refs.set(ref, use);
    const isReadonly = maptrack.isReadonly(handle);
    if (maptrack.isHostMapped(handle) && isReadonly) use.reads += 1;
    if (maptrack.isHostMapped(handle) && !isReadonly) use.writes += 1;
    if (isDevice && isReadonly) use.deviceReads += 1;
    if (isDevice && !isReadonly) {
      use.deviceWrites += 1;
      windowTypesOn[mfn] = (windowTypesOn[mfn] ?? 0) + 1;
    }
    use.mappers.add(domain);
  }
  return { handlesOn, parts };
}
