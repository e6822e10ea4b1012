import { describe, expect, test } from 'vitest';
import { GTF_permit_access, GTF_readonly } from '../../abi/grant-table.js';
import { presets } from '../../abi/machine.js';
import { Guests, TABLE_GFN } from '../testing/guests.js';

const flagsOf = (guests: Guests, ref: number): number => {
  const reply = guests.load(1, TABLE_GFN * 4096 + ref * 8, 2);
  return reply.is === 'value' ? reply.value.low : -1;
};
/** What a refused map asks for, where it differs from one that would be granted. */
interface Wish {
  readonly flags?: number;
  readonly granter?: number;
  readonly ref?: number;
  readonly gfn?: number;
}
const READING = 0x8;
const WRITING = 0x10;

describe('map_grant_ref', () => {
  test('pins, status bits and handles follow the worked trace (grants.md 17, T1)', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    const first = guests.map(2, 1, 9, 0x50, true);
    expect([first.status, first.handle, flagsOf(guests, 9)]).toEqual(['okay', 0, 1 | READING]);
    const second = guests.map(2, 1, 9, 0x51);
    expect([second.handle, flagsOf(guests, 9)]).toEqual([1, 1 | READING | WRITING]);
    guests.grant(1, 9, 0, 0, 0);
    const third = guests.map(2, 1, 9, 0x52);
    expect([third.handle, third.frame, flagsOf(guests, 9)]).toEqual([2, first.frame, 0]);
    for (const [row, { handle }] of [first, second, third].entries()) {
      expect(guests.unmap(2, handle, 0x50 + row).status).toBe('okay');
    }
    expect(guests.unmap(2, first.handle, 0x50).status).toBe('bad_handle');
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a failed map puts its handle at the back and leaves no pin and no bit [I24]', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.grant(1, 10, 2, 0x77);
    expect(guests.mapWithFlags(2, 1, 9, 0x50, 0x22).status).toBe('general_error');
    expect(guests.map(2, 1, 10, 0x50).status).toBe('bad_page');
    expect([flagsOf(guests, 9), flagsOf(guests, 10)]).toEqual([1, 1]);
    expect(guests.map(2, 1, 9, 0x50).handle).toBe(2);
  });

  test.each<[string, Wish, string]>([
    ['no host flag', { flags: 0x4 }, 'bad_gntref'],
    ['a device mapping', { flags: 0x3 }, 'general_error'],
    ['an unknown granter', { granter: 77 }, 'bad_domain'],
    ['DOMID_SELF as granter', { granter: 0x7ff0 }, 'bad_domain'],
    ['a ref outside the table', { ref: 16 }, 'bad_gntref'],
    ['an entry for someone else', { ref: 1 }, 'general_error'],
    ['an entry that is empty', { ref: 2 }, 'general_error'],
    ['writing by a read-only entry', { ref: 4 }, 'general_error'],
    ['the control domain', { granter: 0, ref: 0 }, 'general_error'],
    ['a gfn that no table can hold', { gfn: 2 ** 36 }, 'general_error'],
  ])('refuses %s', (_what, { flags = 0x2, granter = 1, ref = 9, gfn = 0x50 }, status) => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.grant(1, 1, 3, 4);
    guests.grant(1, 4, 2, 4, GTF_permit_access | GTF_readonly);
    expect(guests.mapWithFlags(2, granter, ref, gfn, flags).status).toBe(status);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a pin counter at the limit is not raised; the other one still is [I4]', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    const { pinLimit } = presets.small;
    for (let count = 0; count < pinLimit; count += 1) {
      expect(guests.map(2, 1, 9, 0x50 + count).status).toBe('okay');
    }
    expect(guests.map(2, 1, 9, 0x60).status).toBe('general_error');
    expect(guests.map(2, 1, 9, 0x60, true).status).toBe('okay');
  });

  test('mapping over a grant mapping crashes the caller and ends the batch', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.map(2, 1, 9, 0x50);
    const element = guests.hypervisor.host.domains;
    expect(() => guests.map(2, 1, 9, 0x50)).toThrow('a batch of one ran, not crashed');
    expect(guests.load(2, 0)).toEqual({ is: 'no_domain' });
    expect([...element.guests()].map(({ isCrashed }) => isCrashed)).toEqual([false, true, false]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test("mapping one's own page moves it: the old gfn is a hole, and after unmap both are", () => {
    const guests = new Guests();
    guests.grant(1, 9, 1, 4);
    guests.setWord(1, 4, 0xbeef);
    const { handle } = guests.map(1, 1, 9, 0x50);
    expect([guests.word(1, 4), guests.word(1, 0x50)]).toEqual([0xffff_ffff, 0xbeef]);
    expect(guests.observer.audit()).toEqual([]);
    guests.unmap(1, handle, 0x50);
    expect([guests.word(1, 4), guests.word(1, 0x50), guests.pages(1)]).toEqual([
      0xffff_ffff, 0xffff_ffff, 8,
    ]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a map that finds the p2m pool empty fails and undoes its pin', () => {
    const guests = new Guests({ machine: { ...presets.small, p2mTableFrames: 4 } });
    guests.grant(1, 9, 2, 4);
    expect(guests.map(2, 1, 9, 2 ** 20).status).toBe('general_error');
    expect(flagsOf(guests, 9)).toBe(1);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('an entry that changes after it was judged is judged again', () => {
    const points: string[] = [];
    let isArmed = false;
    const guests: Guests = new Guests({
      stop: (point) => {
        points.push(point);
        if (!isArmed || point !== 'grant.claim/checked') return;
        isArmed = false;
        guests.grant(1, 9, 2, 4, 0);
      },
    });
    guests.grant(1, 9, 2, 4);
    isArmed = true;
    expect(guests.map(2, 1, 9, 0x50).status).toBe('general_error');
    expect(points).toContain('grant.claim/checked');
    expect(flagsOf(guests, 9)).toBe(0);
  });
});
