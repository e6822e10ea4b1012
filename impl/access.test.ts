import { describe, expect, test } from 'vitest';
import { CONTROL, DomainId, Gfn, GuestPhysical, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { Paging } from '../abi/machine.js';
import { PAGE_BYTES } from '../abi/word.js';
import { Guests } from './testing/guests.js';

const ONES = 0xffff_ffff;
const FIRST_GFN = 0x100;
const EDGE = (FIRST_GFN + 1) * PAGE_BYTES - 4;

/** Domain 2 with two neighbouring pages, each RAM, a grant mapping, or nothing. */
function neighbours(first: string, last: string, paging: Paging = 'hap'): Guests {
  const guests = new Guests({ machine: { ...presets.small, paging } });
  for (const [ref, kind] of [first, last].entries()) {
    const gfn = FIRST_GFN + ref;
    guests.grant(1, ref, 2, ref);
    if (kind === 'ram') guests.populate(2, [gfn]);
    if (kind === 'rw') guests.map(2, 1, ref, gfn);
    if (kind === 'ro') guests.map(2, 1, ref, gfn, true);
    for (const address of [0, PAGE_BYTES - 4]) {
      const fill = { low: ref === 0 ? 0x1111_1111 : 0x2222_2222, high: 0 };
      guests.store(
        kind === 'ram' ? 2 : 1,
        (kind === 'ram' ? gfn : ref) * PAGE_BYTES + address,
        fill,
        4,
      );
    }
  }
  return guests;
}

const atomic = { caller: DomainId(2), vcpu: VcpuId(0), address: GuestPhysical(EDGE), size: 8 };
const value = { low: 0x0506_0708, high: 0x0102_0304 };

describe('accesses in one page', () => {
  test('a load of nothing answers ones as wide as it is, and a store there vanishes', () => {
    const guests = new Guests();
    guests.store(1, 0x500_0000, { low: 5, high: 5 });
    expect(guests.load(1, 0x500_0000)).toEqual({ is: 'value', value: { low: ONES, high: ONES } });
    expect(guests.load(1, 0x500_0001, 3)).toEqual({
      is: 'value',
      value: { low: 0xff_ffff, high: 0 },
    });
  });

  test('a gfn beyond the last that a p2m can hold reads as nothing', () => {
    const guests = new Guests();
    expect(guests.load(1, 2 ** 48)).toEqual({ is: 'value', value: { low: ONES, high: ONES } });
    expect(guests.load(1, 2 ** 64)).toEqual({ is: 'value', value: { low: ONES, high: ONES } });
  });

  test('[P15.1] who is crashed for its first page asks for no second one', () => {
    const guests = new Guests();
    const target = DomainId(1);
    const extents = [Gfn(0x1c), Gfn(0x1d), Gfn(0x1e)];
    const by = { caller: CONTROL, vcpu: VcpuId(0), order: 0, onDemand: true };
    guests.step({ op: 'populate_physmap', ...by, target, extents });
    guests.step({ op: 'pod_target', domain: target, target: 9 });
    guests.store(1, 0x1c * PAGE_BYTES, { low: 1, high: 0 });
    guests.step({ op: 'interrupt', caller: CONTROL, vcpu: VcpuId(0), after: 1 });
    expect(guests.load(1, 0x1e * PAGE_BYTES - 4)).toEqual({ is: 'crashed' });
    expect(guests.hypervisor.host.counters.sweeps).toBe(1);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('every size and alignment reads back what was stored there and nothing around it', () => {
    const guests = new Guests();
    for (let size = 1; size <= 8; size += 1) {
      for (let offset = 0; offset < 8; offset += 1) {
        guests.store(1, 0, { low: 0, high: 0 });
        guests.store(1, 8, { low: 0, high: 0 });
        guests.store(1, offset, { low: 0xa4a3_a2a1, high: 0xa8a7_a6a5 }, size);
        const bytes = Array.from({ length: 16 }, (_, at) => {
          const reply = guests.load(1, at, 1);
          return reply.is === 'value' ? reply.value.low : undefined;
        });
        const wanted = bytes.map((_, at) =>
          at >= offset && at < offset + size ? 0xa1 + at - offset : 0,
        );
        expect(bytes).toEqual(wanted);
      }
    }
  });

  test('a locked exchange-and-add carries from the low half into the high one', () => {
    const guests = new Guests();
    guests.store(1, 0, { low: ONES, high: 1 });
    const step = { ...atomic, caller: DomainId(1), address: GuestPhysical(0) };
    guests.step({ ...step, op: 'xadd', value: { low: 1, high: 0 } });
    expect(guests.load(1, 0)).toEqual({ is: 'value', value: { low: 0, high: 2 } });
  });

  test('a locked operation on a read-only mapping reads ones and changes nothing', () => {
    const guests = neighbours('ro', 'ram');
    const step = { ...atomic, address: GuestPhysical(FIRST_GFN * PAGE_BYTES) };
    const ones = { is: 'value', value: { low: ONES, high: ONES } };
    expect(guests.step({ ...step, op: 'xadd', value })).toEqual(ones);
    expect(
      guests.step({ ...step, op: 'cmpxchg', expected: { low: ONES, high: ONES }, value }),
    ).toEqual(ones);
    expect(guests.word(1, 0)).toBe(0x1111_1111);
  });

  test('[A4.3] under shadows a grant mapping is executed, and a fetch from a hole is a page fault', () => {
    const guests = neighbours('rw', 'hole', 'shadow');
    const step = { op: 'fetch', caller: DomainId(2), vcpu: VcpuId(0) } as const;
    const granted = { ...step, address: GuestPhysical(FIRST_GFN * PAGE_BYTES) };
    expect(guests.step(granted)).toEqual({ is: 'value', value: { low: 0x1111_1111, high: 0 } });
    const hole = { ...step, address: GuestPhysical(0x1_2345_6789) };
    const linear = { low: 0x2345_6789, high: 1 };
    expect(guests.step(hole)).toEqual({ is: 'page_fault', code: 0x11, linear });
    const across = { ...step, address: GuestPhysical(EDGE) };
    expect(guests.step(across)).toEqual({ is: 'value', value: { low: ONES, high: ONES } });
  });

  test('a fetch from a hole faults and one from a grant mapping crashes the domain', () => {
    const guests = neighbours('rw', 'ram');
    const at = (gfn: number) => GuestPhysical(gfn * PAGE_BYTES);
    const step = { op: 'fetch', caller: DomainId(2), vcpu: VcpuId(0) } as const;
    expect(guests.step({ ...step, address: at(FIRST_GFN + 2) })).toEqual({
      is: 'fault',
      vector: '#GP',
    });
    expect(guests.step({ ...step, address: at(FIRST_GFN) })).toEqual({ is: 'crashed' });
    expect(guests.step({ ...step, address: at(FIRST_GFN) })).toEqual({ is: 'no_domain' });
  });
});

// Recorded from the real hypervisor: an access that some page does not permit is emulated as a
// whole, and the emulator sees RAM only.
describe('accesses across the end of a page', () => {
  test.each([
    ['ram', 'rw', 0x1111_1111, 0x2222_2222],
    ['rw', 'ro', 0x1111_1111, 0x2222_2222],
    ['ram', 'hole', 0x1111_1111, ONES],
    ['hole', 'ram', ONES, 0x2222_2222],
    ['rw', 'hole', ONES, ONES],
    ['hole', 'ro', ONES, ONES],
  ])('a load of %s then %s reads 0x%x and 0x%x', (first, last, low, high) => {
    expect(neighbours(first, last).load(2, EDGE)).toEqual({ is: 'value', value: { low, high } });
  });

  test.each([
    ['ram', 'rw', value.low, value.high],
    ['ram', 'ro', value.low, 0x2222_2222],
    ['rw', 'ro', 0x1111_1111, 0x2222_2222],
    ['ro', 'ram', 0x1111_1111, value.high],
    ['ram', 'hole', value.low, ONES],
    ['rw', 'hole', 0x1111_1111, ONES],
  ])('a store to %s then %s leaves 0x%x and 0x%x', (first, last, low, high) => {
    const guests = neighbours(first, last);
    guests.store(2, EDGE, value);
    expect(guests.load(2, EDGE, 4)).toEqual({ is: 'value', value: { low, high: 0 } });
    expect(guests.load(2, EDGE + 4, 4)).toEqual({ is: 'value', value: { low: high, high: 0 } });
  });

  test('a compare-and-exchange that is emulated never stores, even where it compares equal', () => {
    const guests = neighbours('ram', 'hole');
    const expected = { low: 0x1111_1111, high: ONES };
    const reply = guests.step({ ...atomic, op: 'cmpxchg', expected, value });
    expect(reply).toEqual({ is: 'value', value: expected });
    expect(guests.load(2, EDGE, 4)).toEqual({ is: 'value', value: { low: 0x1111_1111, high: 0 } });
  });

  test('an exchange-and-add that is emulated adds in RAM, and gives up where none is RAM', () => {
    const some = neighbours('ro', 'ram');
    expect(some.step({ ...atomic, op: 'xadd', value })).toEqual({
      is: 'value',
      value: { low: ONES, high: 0x2222_2222 },
    });
    expect(some.word(2, FIRST_GFN + 1)).toBe(0x2324_2527);
    const none = neighbours('rw', 'hole');
    expect(none.step({ ...atomic, op: 'xadd', value })).toEqual({ is: 'fault', vector: '#GP' });
  });
});
