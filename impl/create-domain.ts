import { CONTROL, FIRST_VCPU, Gfn } from '../abi/ids.js';
import type { DomainConfig } from '../abi/machine.js';
import { XENMAPSPACE_grant_table } from '../abi/step.js';
import type { AddToPhysmap, CreateDomain } from '../abi/step.js';
import { WINDOWS } from '../abi/windows.js';
import type { Rc } from '../abi/status.js';
import { assert } from './assert.js';
import { destroyDomain } from './destroy-domain.js';
import type { Domain } from './domain.js';
import { growTable } from './grant-frames.js';
import type { Host } from './host.js';
import { addToPhysmap } from './hypercalls/add-to-physmap.js';
import { Invocation } from './invocation.js';
import { assignPages, getPage, shareXenPage, takeXenPage } from './pages.js';
import { addPages } from './physmap.js';
import { RAM_RW } from './tables/p2m-entry.js';
import { HUGE_PAGES, SUPERPAGE_PAGES, hasLargeEntries } from './tables/superpage.js';

/** A table starts with this many frames, at version 1 (grants.md 1.10). */
const INITIAL_GRANT_FRAMES = 1;
const UPCALL_PENDING_BYTE = 0;
const PENDING_SELECTOR_BYTE = 8;
const PENDING_PORTS_BYTE = 0x800;
const FIRST_PORT_PENDING = 2;

/** The toolstack creates a domain; where something is missing nothing of it stays. */
export function createDomain(host: Host, { domain: id, config }: CreateDomain): Rc {
  if (!host.domains.isGuestId(id)) return '-EINVAL';
  if (host.domains.byId(id) !== undefined) return '-EEXIST';
  if (config.grantVersion < 1 || config.grantVersion > 2) return '-EINVAL';
  if (config.grantFrames === 0) return '-EINVAL';
  if (config.grantFrames > host.machine.grantFramesMaximum) return '-EINVAL';
  if (config.maptrackFrames > host.machine.maptrackFramesMaximum) return '-EINVAL';

  const domain = host.newDomain(id, config);
  if (domain === undefined) return '-ENOMEM';
  host.domains.add(domain);
  if (
    !addXenPages(host, domain) ||
    !populateRam(host, domain, config) ||
    !mapTable(host, domain, config)
  ) {
    destroyDomain(host, domain, new Invocation());
    return '-ENOMEM';
  }
  return 0;
}

/** The domain that the toolstack itself runs in: always there, its memory not looked at. */
export function createControl(host: Host): void {
  const control = host.newDomain(CONTROL, {
    ram: [],
    maximumPages: host.machine.controlPages,
    grantFrames: host.machine.grantFramesMaximum,
    maptrackFrames: host.machine.maptrackFramesMaximum,
    grantVersion: 1,
    tableGfn: undefined,
  });
  assert(control !== undefined, 'a machine has room for the control domain');
  host.domains.add(control);
  const isWhole = addXenPages(host, control);
  assert(isWhole, 'a machine has room for the control domain');
  const pages = assignPages(host, control, host.machine.controlPages) ?? [];
  for (const [n, mfn] of pages.entries()) {
    const isTyped = getPage(host, mfn, control) && host.frames.referenceWritable(mfn);
    assert(isTyped, 'a fresh page can be referenced');
    host.windows.set(WINDOWS + n, { mfn, isReadonly: false });
  }
  control.maximumPages = 0;
}

function addXenPages(host: Host, domain: Domain): boolean {
  const sharedInfo = takeXenPage(host, domain);
  if (sharedInfo === undefined) return false;
  shareXenPage(host, domain, sharedInfo);
  // An event is pending from the start (recorded): the upcall, its selector word 0, and port 1.
  host.ram.store32(sharedInfo, UPCALL_PENDING_BYTE, 1);
  host.ram.store32(sharedInfo, PENDING_SELECTOR_BYTE, 1);
  host.ram.store32(sharedInfo, PENDING_PORTS_BYTE, FIRST_PORT_PENDING);
  domain.sharedInfo = sharedInfo;
  return growTable(host, domain, INITIAL_GRANT_FRAMES);
}

/** The toolstack populates runs of RAM by extents as large as one entry can hold. */
function populateRam(host: Host, domain: Domain, { ram }: DomainConfig): boolean {
  for (const { gfn, count } of ram) {
    for (let page = 0, size = 1; page < count; page += size) {
      size = extentAt(host, gfn + page, count - page);
      const pages = assignPages(host, domain, size);
      if (pages === undefined) return false;
      if (addPages(host, domain, Gfn(gfn + page), pages, RAM_RW) !== 'added') return false;
    }
  }
  return true;
}

function extentAt(host: Host, gfn: number, left: number): number {
  const { gfnLimit } = host.machine;
  const fits = (size: number): boolean =>
    left >= size && gfn % size === 0 && gfn + size <= gfnLimit;
  return (
    (hasLargeEntries(host.machine) ? [HUGE_PAGES, SUPERPAGE_PAGES].find(fits) : undefined) ?? 1
  );
}

function mapTable(host: Host, domain: Domain, { tableGfn }: DomainConfig): boolean {
  if (tableGfn === undefined) return true;
  const call: AddToPhysmap = {
    op: 'add_to_physmap',
    caller: CONTROL,
    vcpu: FIRST_VCPU,
    target: domain.id,
    space: XENMAPSPACE_grant_table,
    index: 0,
    gfn: Gfn(tableGfn),
    size: 0,
  };
  const reply = addToPhysmap(host, host.control(), call, new Invocation());
  return reply.is === 'rc' && reply.rc === 0;
}
