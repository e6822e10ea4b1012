import { describe, expect, test } from 'vitest';
import { DomainId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import { Guests } from './testing/guests.js';

describe('destroying a domain', () => {
  test('a granter goes on, dying, until its last page is unmapped [D3]', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.setWord(1, 4, 0xcafe);
    const { handle } = guests.map(2, 1, 9, 0x50);
    guests.destroy(1);
    expect([guests.pages(1), guests.word(2, 0x50), guests.load(1, 0).is]).toEqual([
      1,
      0xcafe,
      'no_domain',
    ]);
    expect(guests.destroy(1)).toEqual({ is: 'rc', rc: '-ESRCH' });
    expect(guests.observer.audit()).toEqual([]);
    guests.unmap(2, handle, 0x50);
    expect(guests.pages(1)).toBeUndefined();
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a mapper lets go of everything it mapped: pins, status bits and pages [I21]', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.map(2, 1, 9, 0x50);
    guests.map(2, 1, 9, 0x51, true);
    guests.destroy(2);
    expect(guests.observer.view().domains.flatMap(({ pins }) => pins)).toEqual([]);
    expect(guests.load(1, 0x20 * 4096 + 9 * 8, 2)).toMatchObject({ value: { low: 1 } });
    expect(guests.observer.audit()).toEqual([]);
  });

  test('two domains that map each other go one after the other', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.grant(2, 9, 1, 4);
    guests.map(2, 1, 9, 0x50);
    guests.map(1, 2, 9, 0x50);
    guests.destroy(1);
    expect([guests.pages(1), guests.pages(2)]).toEqual([1, 8]);
    guests.destroy(2);
    expect([guests.pages(1), guests.pages(2)]).toEqual([undefined, undefined]);
  });

  test('a page that another maps of a table keeps its domain too', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 0x20);
    const { handle } = guests.map(2, 1, 9, 0x50, true);
    guests.destroy(1);
    expect(guests.pages(1)).toBe(0);
    guests.unmap(2, handle, 0x50);
    expect(guests.pages(1)).toBeUndefined();
    expect(guests.observer.audit()).toEqual([]);
  });

  test('nothing is left once every domain is gone, and ids are free again', () => {
    const guests = new Guests();
    const { guestShare, xenShare } = guests.hypervisor.host;
    guests.grant(1, 9, 1, 4);
    guests.map(1, 1, 9, 0x50);
    guests.decrease(1, [0x50]);
    guests.grant(2, 9, 3, 4);
    guests.map(3, 2, 9, 0x50);
    for (const id of [2, 1, 3]) guests.destroy(id);
    expect(guestShare.freeCount()).toBe(presets.small.guestFrames);
    expect(xenShare.frameCount - xenShare.freeCount()).toBe(1);
    const config = presets.small.defaults;
    expect(guests.step({ op: 'create', domain: DomainId(1), config })).toEqual({ is: 'rc', rc: 0 });
    expect(guests.word(1, 4)).toBe(0);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('the work is done in slices, and in between another guest can run', () => {
    let slices = 0;
    const words: (number | undefined)[] = [];
    const guests: Guests = new Guests({
      stop: (point) => {
        if (point !== 'teardown/slice') return;
        slices += 1;
        words.push(guests.word(2, 4));
      },
    });
    guests.setWord(2, 4, 9);
    guests.destroy(1);
    expect(slices).toBeGreaterThanOrEqual(3);
    expect(new Set(words)).toEqual(new Set([9]));
  });

  test.each([
    ['too much RAM', { ram: [{ gfn: 0, count: 15 }] }],
    ['more than the machine has', { ram: [{ gfn: 0, count: 49 }], maximumPages: 100 }],
    ['more tables than its pool', { ram: [0, 1, 2].map((n) => ({ gfn: n * 2 ** 27, count: 1 })) }],
  ])('a domain that asks for %s is not created, and nothing of it stays', (_what, config) => {
    const guests = new Guests();
    guests.destroy(1);
    const free = guests.hypervisor.host.guestShare.freeCount();
    const wanted = { ...presets.small.defaults, ...config };
    const reply = guests.step({ op: 'create', domain: DomainId(1), config: wanted });
    expect(reply).toEqual({ is: 'rc', rc: '-ENOMEM' });
    expect(guests.hypervisor.host.guestShare.freeCount()).toBe(free);
    expect(guests.observer.view().domains.map(({ domain }) => domain)).toEqual([2, 3]);
    expect(guests.observer.audit()).toEqual([]);
  });
});
