import {
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
} from '../../abi/grant-table.js';
import { GrantRef, Handle, Mfn, VcpuId } from '../../abi/ids.js';
import type { Gfn } from '../../abi/ids.js';
import type {
  ControlView,
  DomainView,
  EntryView,
  MappingView,
  P2mType,
  PinView,
  SharerView,
  VcpuView,
  View,
  WindowView,
} from '../../abi/observer.js';
import type { Word } from '../../abi/word.js';
import { assert } from '../assert.js';
import type { Domain } from '../domain.js';
import { PAE } from '../hardware/page-entry.js';
import type { Host } from '../host.js';
import { wordAt } from '../tables/column.js';
import {
  DEVICE_READ,
  DEVICE_WRITE,
  HOST_READ,
  HOST_WRITE,
  counterOf,
} from '../tables/active-entries.js';
import { GRANT_MAP_RO, GRANT_MAP_RW, RAM_RO, RAM_RW, mfnOf, typeOf } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';
import { modeOf } from '../vcpu.js';
import type { Vcpu } from '../vcpu.js';

/** Everything a guest or the toolstack could find out, domain by domain. */
export function viewOf(host: Host): View {
  return {
    domains: Array.from(host.domains.guests(), (domain) => domainView(host, domain)),
    control: controlView(host),
    failing: host.failing.left(),
  };
}

/** A gfn that is populated on demand has no frame. */
export const GAP_VIEW: EntryView = { type: 'populate_on_demand', mfn: Mfn(-1) };

/** One p2m entry under Xen's names. */
export function entryView(found: Leaf): EntryView {
  return { type: typeName(found), mfn: mfnOf(found) };
}

function controlView(host: Host): ControlView {
  const windows: WindowView[] = [];
  host.windows.forEach((window, { mfn, isReadonly }) => {
    windows.push({ window, mfn, readonly: isReadonly });
  });
  return { ...sharerView(host, host.control()), windows };
}

function sharerView(host: Host, domain: Domain): SharerView {
  const { id, pages, grants, sharedInfo } = domain;
  assert(sharedInfo !== undefined, 'a domain has its shared info');
  return {
    domain: id,
    pages,
    grantVersion: grants.version,
    grantFrames: [...grants.frames],
    statusFrames: [...grants.statusFrames],
    sharedInfo,
    mappings: mappingsOf(host, domain),
    pins: pinsOf(host, domain),
    calls: Array.from({ length: host.machine.vcpus }, (_, vcpu) => {
      return host.continuations.seen(id, VcpuId(vcpu));
    }),
  };
}

function domainView(host: Host, domain: Domain): DomainView {
  return {
    ...sharerView(host, domain),
    life: lifeOf(domain),
    pauses: domain.pauses,
    outstanding: domain.outstanding,
    maximumPages: domain.maximumPages,
    maximumGfn: domain.p2m.highestGfn(),
    p2m: p2mView(domain),
    demand: {
      kept: [...domain.demands.kept],
      recent: domain.demands.recent(),
      highest: domain.demands.highest,
    },
    vcpus: domain.vcpus.map(vcpuView),
    logged: domain.dirtyLog?.gfns(),
  };
}

function vcpuView(vcpu: Vcpu): VcpuView {
  const { cr0, cr4, efer, pkru, pdptes } = vcpu;
  const loaded: Word[] = [];
  for (let word = 0; modeOf(vcpu) === PAE && word < pdptes.length; word += 2) {
    loaded.push({ low: wordAt(pdptes, word), high: wordAt(pdptes, word + 1) });
  }
  const cr3 = { low: vcpu.cr3Low, high: vcpu.cr3High };
  return { cr0, cr3, cr4, efer, pkru, pdptes: loaded };
}

function lifeOf(domain: Domain): DomainView['life'] {
  if (domain.isDying) return 'dying';
  return domain.isCrashed ? 'crashed' : 'alive';
}

function p2mView(domain: Domain): (EntryView & { gfn: Gfn })[] {
  const entries: (EntryView & { gfn: Gfn })[] = [];
  domain.p2m.forEach((gfn, found) => {
    entries.push({ gfn, ...entryView(found) });
  });
  domain.p2m.forEachGap((gfn) => {
    entries.push({ gfn, ...GAP_VIEW });
  });
  return entries.toSorted((one, other) => one.gfn - other.gfn);
}

function mappingsOf(host: Host, domain: Domain): MappingView[] {
  const { maptrack } = domain;
  const mappings: MappingView[] = [];
  for (let row = 0; row < maptrack.limit(); row += 1) {
    const handle = Handle(row);
    if (!maptrack.isLive(handle)) continue;
    const granter = maptrack.granterOf(handle);
    const ref = maptrack.refOf(handle);
    const mfn = host.domains.byId(granter)?.grants.active.mfnOf(ref) ?? NO_FRAME;
    const flags = maptrack.flagsOf(handle);
    mappings.push({
      handle,
      granter,
      ref,
      readonly: (flags & GNTMAP_readonly) !== 0,
      mfn,
      host: (flags & GNTMAP_host_map) !== 0,
      device: (flags & GNTMAP_device_map) !== 0,
      byEntry: (flags & GNTMAP_contains_pte) !== 0,
    });
  }
  return mappings;
}

function pinsOf(host: Host, domain: Domain): PinView[] {
  const { active, maximumFrames } = domain.grants;
  const pins: PinView[] = [];
  for (let row = 0; row < maximumFrames * host.machine.refsPerFrame; row += 1) {
    const ref = GrantRef(row);
    const pin = active.pinOf(ref);
    if (pin === 0) continue;
    pins.push({
      ref,
      grantee: active.granteeOf(ref),
      mfn: active.mfnOf(ref),
      hostRead: counterOf(pin, HOST_READ),
      hostWrite: counterOf(pin, HOST_WRITE),
      deviceRead: counterOf(pin, DEVICE_READ),
      deviceWrite: counterOf(pin, DEVICE_WRITE),
    });
  }
  return pins;
}

/** Stands for the frame of a handle whose granter is gone, which only a bug can make. */
const NO_FRAME = Mfn(-1);

const typeNames: ReadonlyMap<number, P2mType> = new Map([
  [RAM_RW, 'ram_rw'],
  [RAM_RO, 'ram_ro'],
  [GRANT_MAP_RW, 'grant_map_rw'],
  [GRANT_MAP_RO, 'grant_map_ro'],
]);

function typeName(found: Leaf): P2mType {
  const name = typeNames.get(typeOf(found));
  assert(name !== undefined, 'a p2m entry has a known type');
  return name;
}
