import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, GrantRef, Handle, Mfn } from '../abi/ids.js';
import { assert } from './assert.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { DEVICE_READ, DEVICE_WRITE, HOST_READ, type PinUnit } from './tables/active-entries.js';
import { GRANT_MAP_RW, RAM_RW } from './tables/p2m-entry.js';
import type { Guests } from './testing/guests.js';
import { domainOf, frameAt, mapped } from './testing/mapped.js';
import { remember } from './testing/remember.js';

/** The frame that domain 3 gave up. */
const FREE = Mfn(23);
const ref = GrantRef(3);

type Damage = (guests: Guests, host: Host, granter: Domain, mapper: Domain) => void;

const damages: readonly (readonly [id: string, what: string, damage: Damage])[] = [
  ['F1', 'a free frame is written', (_, host) => host.ram.store32(FREE, 0, 1)],
  ['F1', 'a free frame has an M2P', (_, host) => host.frames.setGfn(FREE, Gfn(1))],
  [
    'F2',
    'an allocated frame has no owner',
    (_, host) => host.frames.assign(takeFrame(host), NOBODY),
  ],
  ['F3', 'a page loses its references', (g, host) => dropAll(host, frameAt(g, 1, 2))],
  ['F5', 'a page has types only', (g, host) => addTypes(host, frameAt(g, 1, 2))],
  ['F13', 'a reference leaks', (g, host) => host.frames.reference(frameAt(g, 1, 5))],
  [
    'I12',
    'a mapped page loses a reference',
    (g, host) => host.frames.dereference(frameAt(g, 1, 5)),
  ],
  ['F14', 'a type leaks', (g, host) => host.frames.referenceWritable(frameAt(g, 1, 5))],
  ['P2', 'an entry is malformed', (_g, host, granter) => spoilLeafTable(host, granter)],
  ['P4', 'RAM loses its allocation', (g, host) => host.frames.clearAllocated(frameAt(g, 1, 2))],
  ['P5', 'an M2P is wrong', (g, host) => host.frames.setGfn(frameAt(g, 1, 2), Gfn(9))],
  ['P6', 'an M2P leads nowhere', (g, host) => host.frames.setGfn(frameAt(g, 1, 2), Gfn(0x99))],
  ['P7', 'a page is RAM twice', (g, _h, d1) => d1.p2m.set(Gfn(0x60), frameAt(g, 1, 2), RAM_RW)],
  [
    'P8',
    'an entry has no handle',
    (g, _h, _1, d2) => d2.p2m.set(Gfn(0x60), frameAt(g, 1, 2), GRANT_MAP_RW),
  ],
  [
    'P10',
    'a gap is counted that is not there',
    (_g, _h, d1) => {
      d1.demands.gaps += 1;
    },
  ],
  [
    'P11',
    'a page at a gfn is kept for others',
    (g, _h, d1) => d1.demands.kept.push(frameAt(g, 1, 2)),
  ],
  ['P12', 'an entry has a free frame', (_g, _h, d1) => d1.p2m.set(Gfn(0x60), FREE, RAM_RW)],
  ['P17', 'a frame is in use for nothing', (_g, host) => host.xenShare.take()],
  [
    'P21',
    "another's page is RAM",
    (g, _h, _1, d2) => d2.p2m.set(Gfn(0x60), frameAt(g, 1, 2), RAM_RW),
  ],
  [
    'I14',
    'a mapping is made twice',
    (g, _h, _1, d2) => d2.p2m.set(Gfn(0x60), frameAt(g, 1, 5), GRANT_MAP_RW),
  ],
  ['I14', 'a mapping loses its entry', (_g, _h, _1, d2) => d2.p2m.clear(Gfn(0x50))],
  [
    'T3',
    'a translation is stale',
    (_g, _h, _1, d2) => d2.p2m.cache.fill(Gfn(0x50), d2.p2m.lookup(Gfn(0))),
  ],
  ['T2', 'a processor remembers a free frame', (_g, _h, d1) => remember(d1, FREE)],
  [
    'T3',
    'a processor remembers a page that left the p2m',
    (g, _h, d1) => {
      remember(d1, frameAt(g, 1, 2));
      d1.p2m.clear(Gfn(2));
    },
  ],
  [
    'T4',
    'a processor remembers a readonly page writable',
    (g, _h, _1, d2) => {
      g.map(2, 1, 3, 0x51, true);
      d2.p2m.clear(Gfn(0x50));
      remember(d2, frameAt(g, 1, 5));
    },
  ],
  ['T11', 'a processor may write what is not logged', (g, _h, d1) => rememberUnlogged(g, d1)],
  ['T6', "a processor remembers another's page", (g, _h, d1) => remember(d1, frameAt(g, 2, 2))],
  ['I1', 'a table has no frame', (_g, _h, d1) => void (d1.grants.frames.length = 0)],
  ['I2', 'a table has status frames too few', (_g, _h, d1) => void (d1.grants.version = 2)],
  ['I3', 'a pin leaks', (_g, _h, d1) => d1.grants.active.pin(ref, HOST_READ)],
  ['I4', 'a pin counter runs over', (_g, _h, d1) => pinOften(d1)],
  ['I4', 'a counter of devices runs over', (_g, _h, d1) => pinOften(d1, DEVICE_WRITE)],
  ['I5', 'the grantee changes', (_g, _h, d1) => regrant(d1, 3, false)],
  ['I6', 'a mapped ref is a sub-page', (_g, _h, d1) => regrant(d1, 2, true)],
  [
    'I7',
    'a ref outside the table is pinned',
    (_g, _h, d1) => d1.grants.active.pin(GrantRef(40), HOST_READ),
  ],
  [
    'I9',
    'a handle is live and free',
    (_g, _h, _1, d2) => d2.maptrack.record(Handle(3), DomainId(1), ref, 2),
  ],
  ['I11', 'a granter is gone', (_g, host, d1) => host.domains.remove(d1)],
  ['I17', "a pinned frame is not the granter's", (g, _h, d1) => repin(d1, frameAt(g, 3, 1))],
  ['I18', 'a version 2 use leaks', (_g, _h, d1) => void (d1.grants.versionTwoUses += 1)],
  ['I20', "a guest's page is a table", (g, _h, d1) => d1.grants.frames.push(frameAt(g, 1, 2))],
  ['I21', 'a handle outlives its domain', (_g, _h, _1, d2) => void (d2.isTornDown = true)],
  ['D1', 'a page is charged twice', (_g, _h, d1) => void (d1.pages += 1)],
  ['D1', "one of Xen's pages is forgotten", (_g, _h, d1) => void (d1.xenHeapPages -= 1)],
  ['D2', 'a limit does not hold', (_g, _h, d1) => void (d1.maximumPages = 2)],
  ['D10', 'more is claimed than is free', (_g, _h, d1) => void (d1.outstanding = 1000)],
  ['D5', 'an M2P is lost', (g, host) => host.frames.setGfn(frameAt(g, 1, 2), Gfn(2 ** 64))],
  ['D7', 'a dead page is held for nothing', (_g, _h, d1) => void (d1.isTornDown = true)],
  [
    'D3',
    'a dead domain stays without a page',
    (_g, _h, d1) => Object.assign(d1, { isTornDown: true, pages: 0, xenHeapPages: 0 }),
  ],
  ['D6', 'a dead domain keeps its tables', (_g, _h, d1) => void (d1.isTornDown = true)],
  ['F17', "one of Xen's pages loses its type", (_, host, d1) => dropType(host, d1)],
  ['I13', 'a page loses a type it is held by', (_, host, d1) => dropType(host, d1)],
  ['I10', 'the last handles are given out', (_g, _h, _1, d2) => takeAllHandles(d2)],
  [
    'I15',
    "a domain's RAM is a grant mapping",
    (g, _h, _1, d2) => d2.p2m.set(Gfn(3), frameAt(g, 2, 3), GRANT_MAP_RW),
  ],
  ['P1', 'a table hangs on nothing', (_, host, d1) => cutLeafTable(host, d1)],
  ['D11', 'a pin has no handle', (_g, _h, d1) => d1.grants.active.pin(ref, HOST_READ)],
  [
    'D11',
    'a pin for devices has no handle',
    (_g, _h, d1) => d1.grants.active.pin(ref, DEVICE_READ),
  ],
  ['D11', 'the control domain has a handle and no pin', (_g, host) => takeByControl(host, 3)],
  ['I9', 'the control domain has a handle that is live and free', (_g, host) => liveAndFree(host)],
  ['I10', 'the control domain has its last handles', (_g, host) => takeAllHandles(host.control())],
  ['I11', 'the control domain maps of nobody', (_g, host) => takeByControl(host, 7)],
];

const NOBODY = DomainId(0xffff);

function takeFrame(host: Host): Mfn {
  const mfn = host.guestShare.take();
  assert(mfn !== undefined, 'there is a frame');
  return mfn;
}
function dropAll(host: Host, mfn: Mfn): void {
  host.frames.clearAllocated(mfn);
  host.frames.dereference(mfn);
}
function addTypes(host: Host, mfn: Mfn): void {
  host.frames.referenceWritable(mfn);
  host.frames.referenceWritable(mfn);
}
function spoilLeafTable(host: Host, domain: Domain): void {
  const leaf = domain.p2m.tables().find(({ level }) => level === 1);
  assert(leaf !== undefined, 'there is a leaf table');
  host.ram.setTableWord(leaf.mfn, 4, host.ram.tableWord(leaf.mfn, 4) ^ 2);
}
function dropType(host: Host, { grants }: Domain): void {
  const [frame] = grants.frames;
  assert(frame !== undefined, 'a table has a frame');
  host.frames.dereferenceWritable(frame);
}
/** Every handle there can be is live, those included that end a queue. */
function takeAllHandles({ maptrack }: Domain): void {
  while (maptrack.take(0) !== undefined);
  for (let row = 0; row < maptrack.limit(); row += 1)
    if (!maptrack.isLive(Handle(row))) maptrack.record(Handle(row), DomainId(1), ref, 2);
}
/** The control domain has a handle on the ref of a domain that knows nothing of it. */
function takeByControl(host: Host, granter: number): void {
  const { maptrack } = host.control();
  const handle = maptrack.take(0);
  assert(handle !== undefined, 'the control domain has handles');
  maptrack.record(handle, DomainId(granter), ref, 2);
}
function liveAndFree(host: Host): void {
  takeByControl(host, 1);
  host.control().maptrack.record(Handle(1), DomainId(1), ref, 2);
}
function cutLeafTable(host: Host, domain: Domain): void {
  const leaf = domain.p2m.tables().find(({ level }) => level === 1);
  assert(leaf?.parent !== undefined, 'a leaf table has a parent');
  host.ram.setTableWord(leaf.parent, leaf.index * 2, 1 << 12);
}
function pinOften(domain: Domain, unit: PinUnit = HOST_READ): void {
  for (let count = 0; count < 5; count += 1) domain.grants.active.pin(ref, unit);
}
function regrant(domain: Domain, grantee: number, isSubPage: boolean): void {
  repin(domain, domain.grants.active.mfnOf(ref), grantee, isSubPage);
}
function repin(domain: Domain, mfn: Mfn, grantee = 2, isSubPage = false): void {
  const { active } = domain.grants;
  active.unpin(ref, 1);
  const source = { sourceDomain: domain.id, sourceRef: ref };
  active.fill(ref, {
    grantee: DomainId(grantee),
    mfn,
    start: 0,
    length: 4096,
    isSubPage,
    ...source,
  });
  active.pin(ref, 1);
}

/** The domain's first processor takes a frame for its linear page 0, writable. */
function rememberUnlogged({ hypervisor }: Guests, domain: Domain): void {
  hypervisor.perform({ op: 'log_dirty', domain: domain.id, action: 'enable' });
  remember(domain, frameAt(mapped(), 1, 2));
}

const ids = (guests: Guests): string[] => guests.observer.audit().map(({ id }) => id);

describe('audit', () => {
  test('all is well while nothing is damaged', () => {
    const guests = mapped();
    expect(guests.hypervisor.host.frames.isFree(FREE)).toBe(true);
    expect(guests.observer.audit()).toEqual([]);
    expect(guests.observer.auditChanges()).toEqual([]);
  });

  test.each(damages)('[%s] is violated where %s', (id, _what, damage) => {
    const guests = mapped();
    damage(guests, guests.hypervisor.host, domainOf(guests, 1), domainOf(guests, 2));
    expect(ids(guests)).toContain(id);
  });

  test('the cheap audit sees what was written since the last record, and only that', () => {
    const guests = mapped();
    const { p2m } = domainOf(guests, 2);
    p2m.set(Gfn(0x60), frameAt(guests, 1, 2), RAM_RW);
    expect(guests.observer.auditChanges().map(({ id }) => id)).toEqual(['P21']);
    guests.observer.changes();
    expect(guests.observer.auditChanges()).toEqual([]);
  });

  test.each([
    ['P12', (g: Guests) => domainOf(g, 2).p2m.set(Gfn(0x60), FREE, RAM_RW)],
    ['P8', (g: Guests) => domainOf(g, 2).p2m.set(Gfn(0x60), frameAt(g, 1, 2), GRANT_MAP_RW)],
    ['P5', (g: Guests) => domainOf(g, 1).p2m.set(Gfn(0x60), frameAt(g, 1, 2), RAM_RW)],
    ['F3', (g: Guests) => dropAll(g.hypervisor.host, written(g))],
    ['F5', (g: Guests) => addTypes(g.hypervisor.host, written(g))],
  ])('[%s] is seen by the cheap audit', (id, damage) => {
    const guests = mapped();
    damage(guests);
    expect(guests.observer.auditChanges().map((violation) => violation.id)).toContain(id);
  });
});

function written(guests: Guests): Mfn {
  guests.setWord(1, 2, 1);
  return frameAt(guests, 1, 2);
}

describe('changes', () => {
  test('a store is recorded as the bytes it wrote, once for each frame', () => {
    const guests = mapped();
    guests.setWord(1, 2, 1);
    guests.store(1, 0x2010, { low: 1, high: 2 });
    const { frameCount, frame, from, to, entryCount } = guests.observer.changes();
    expect([frameCount, frame[0], from[0], to[0]]).toEqual([1, frameAt(guests, 1, 2), 0, 0x18]);
    expect(entryCount).toBe(0);
    expect(guests.observer.changes().frameCount).toBe(0);
  });

  test('a p2m entry that is written is recorded by domain and gfn', () => {
    const guests = mapped();
    guests.decrease(1, [2]);
    const { entryCount, entryDomain, entryGfn } = guests.observer.changes();
    expect([entryCount, entryDomain[0], entryGfn[0]]).toEqual([1, 1, 2]);
  });

  test('a frame that nobody owns at the end is not recorded', () => {
    const guests = mapped();
    guests.setWord(1, 2, 1);
    guests.decrease(1, [2]);
    expect(guests.observer.changes().frameCount).toBe(0);
  });

  test('a destroyed domain has each entry it lost in the record', () => {
    const guests = mapped();
    guests.destroy(2);
    const { entryCount, entryGfn } = guests.observer.changes();
    // Its grant mappings go first, with the handles.
    expect(entryGfn.slice(0, entryCount)).toEqual([0x50, 0, 1, 2, 3, 4, 5, 6, 7, 0x20]);
  });
});
