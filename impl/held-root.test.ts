import { describe, expect, test } from 'vitest';
import { CR0_AT_START, CR4_PAE, CR4_PGE, EFER_LME } from '../abi/control.js';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import {
  ALL,
  LEVEL_2,
  PAGED,
  PagedGuests,
  ROOT,
  layouts,
  machines,
} from './testing/paged-guests.js';

const CRASHED = { is: 'crashed' };
const DONE = { is: 'done' };
const FAULT = { is: 'fault', vector: '#GP' };
const HOLE = 0x500;

const shadowed = (layout: (typeof layouts)[number]): PagedGuests =>
  new PagedGuests(layout, { machine: machines.shadow });

function frameAt(guests: PagedGuests, gfn: number): Mfn {
  const found = guests.observer.entryAt(DomainId(1), Gfn(gfn));
  if (found === undefined) throw new Error('a page of a test is there');
  return found.mfn;
}

/** References but for what shadows hold: of RAM in the p2m, its allocation and the roots. */
function heldOn(guests: PagedGuests, mfn: Mfn): number {
  const vcpus = [guests.vcpu(0), guests.vcpu(1)];
  return vcpus.filter(({ heldRoot }) => heldRoot === mfn).length;
}

describe.each(layouts)('C8: the held root of %s tables', (layout) => {
  test('C8: it is held while paging is on and CR3 names it', () => {
    const guests = shadowed(layout);
    const mfn = frameAt(guests, ROOT);
    expect(heldOn(guests, mfn)).toBe(0);
    guests.page(0);
    guests.page(1);
    expect(heldOn(guests, mfn)).toBe(2);
    expect(guests.observer.audit()).toEqual([]);
    guests.cr3(ROOT * PAGE_BYTES + 0x20, 1);
    expect(heldOn(guests, mfn)).toBe(2);
    guests.cr3(9 * PAGE_BYTES, 1);
    expect(heldOn(guests, mfn)).toBe(1);
    guests.move('cr0', CR0_AT_START);
    expect(heldOn(guests, mfn)).toBe(0);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('C8.1: a root that is not RAM of the domain crashes it', () => {
    for (const gfn of [HOLE, 0x50]) {
      const off = shadowed(layout);
      off.grant(2, 0, 1, 1);
      off.map(1, 2, 0, 0x50);
      expect(off.cr3(gfn * PAGE_BYTES)).toEqual(DONE);
      if (layout !== '2-level') off.move('cr4', CR4_PAE);
      if (layout === '4-level') off.move('efer', EFER_LME);
      expect(off.move('cr0', PAGED)).toEqual(CRASHED);
      const on = shadowed(layout);
      on.page();
      expect(on.cr3(gfn * PAGE_BYTES)).toEqual(CRASHED);
      expect(on.access(0)).toEqual({ is: 'no_domain' });
      expect(on.observer.audit()).toEqual([]);
      on.destroy(1);
      expect(on.observer.audit()).toEqual([]);
    }
  });

  test('C8: walks go on from a root that has left the p2m, until CR3 names another', () => {
    const guests = shadowed(layout);
    const mfn = frameAt(guests, ROOT);
    const { frames } = guests.hypervisor.host;
    guests.setWord(1, 8, 8);
    guests.page();
    guests.decrease(1, [ROOT]);
    guests.populate(1, [ROOT]);
    expect(guests.pages(1)).toBe(25);
    expect(guests.access(guests.linear(8))).toMatchObject({ value: { low: 8 } });
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(8))).toMatchObject({ value: { low: 8 } });
    expect(guests.observer.audit()).toEqual([]);
    expect(guests.cr3(9 * PAGE_BYTES)).toEqual(DONE);
    expect(frames.isFree(mfn)).toBe(true);
    expect(guests.pages(1)).toBe(24);
    expect(guests.access(guests.linear(8))).toMatchObject({ is: 'page_fault' });
    expect(guests.observer.audit()).toEqual([]);
  });

  test('C8: a domain that is destroyed lets go of its roots', () => {
    const guests = shadowed(layout);
    guests.page(0);
    guests.page(1);
    guests.access(guests.linear(8), { op: 'store', value: 1 });
    guests.decrease(1, [ROOT]);
    guests.destroy(1);
    expect(guests.step({ op: 'domain_info', domain: DomainId(1) })).toEqual({
      is: 'rc',
      rc: '-ESRCH',
    });
    expect(guests.observer.audit()).toEqual([]);
  });
});

test('C7, C8: a load that faults leaves the held root as it was', () => {
  const guests = shadowed('pae');
  guests.page();
  const mfn = frameAt(guests, ROOT);
  guests.setEntry(9, 0, LEVEL_2, ALL);
  expect(guests.cr3(9 * PAGE_BYTES)).toEqual(FAULT);
  expect(heldOn(guests, mfn)).toBe(1);
  expect(heldOn(guests, frameAt(guests, 9))).toBe(0);
  guests.setEntry(ROOT, 1, LEVEL_2, ALL);
  expect(guests.move('cr4', CR4_PAE | CR4_PGE)).toEqual(FAULT);
  expect(guests.observer.audit()).toEqual([]);
});
