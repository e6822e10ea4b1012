import { describe, expect, test } from 'vitest';
import { PTE_A, PTE_D, PTE_G, PTE_NX_HIGH, PTE_P, PTE_RW, PTE_US } from '../../abi/control.js';
import { Mfn } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import { Host } from '../host.js';
import { defaultOptions } from '../options.js';
import * as entry from './entry.js';
import { ShadowHash } from './hash.js';
import { NO_PLACE, OutOfSyncTable } from './out-of-sync-table.js';
import { ShadowPool } from './pool.js';
import { NONE, ShadowPages } from './shadow-pages.js';
import { ENTRIES, ShadowSlots } from './slots.js';
import * as types from './types.js';

function structures(reverseMap = true) {
  const host = new Host(presets.paged, { ...defaultOptions, reverseMap }, () => undefined);
  const pool = new ShadowPool(host.xenShare, 12, host.ram.frameCount);
  const pages = new ShadowPages(pool);
  const hash = new ShadowHash(pages);
  const slots = new ShadowSlots(host, pool, pages);
  return { host, pool, pages, hash, slots };
}

describe('a shadow entry', () => {
  test('S6: has A always, D with RW, never G, and no right that the guest did not give', () => {
    const guest = PTE_P | PTE_US | PTE_G | PTE_D;
    expect(entry.lowWord(Mfn(5), guest)).toBe((5 << 12) | PTE_P | PTE_A | PTE_US);
    expect(entry.lowWord(Mfn(5), PTE_RW)).toBe((5 << 12) | PTE_P | PTE_A | PTE_RW | PTE_D);
    expect(entry.highWord(Mfn(5), 0xffff_ffff)).toBe(PTE_NX_HIGH);
    expect(
      entry.frameOf(entry.lowWord(Mfn(0x1234_5678), 0), entry.highWord(Mfn(0x1234_5678), 0)),
    ).toBe(0x1234_5678);
  });

  test('S6: what is drawn is well-formed and nothing else', () => {
    expect(entry.isWellFormed(entry.lowWord(Mfn(5), PTE_RW), 0)).toBe(true);
    expect(entry.isWellFormed(entry.readOnly(entry.lowWord(Mfn(5), PTE_RW)), 0)).toBe(true);
    expect(entry.isWellFormed(0, 0)).toBe(true);
    for (const [low, high] of [
      [PTE_P, 0],
      [PTE_P | PTE_A | PTE_RW, 0],
      [PTE_P | PTE_A | PTE_G, 0],
      [PTE_P | PTE_A, 1 << 20],
      [0, 1],
    ] as const) {
      expect(entry.isWellFormed(low, high)).toBe(false);
    }
  });
});

describe('pool and pages', () => {
  test('S1, S2: a shadow has the pages of its type, and gives them back', () => {
    const { pool, pages } = structures();
    const root = pages.make(types.L2_32, 7);
    expect([pool.freeCount(), pages.typeOf(root), pages.keyOf(root)]).toEqual([8, types.L2_32, 7]);
    const parts = [0, 1, 2, 3].map((part) => pages.pageOf(root, part));
    expect(new Set(parts).size).toBe(4);
    expect(parts.map((page) => [pages.headOf(page), pages.partOf(page)])).toEqual([
      [root, 0],
      [root, 1],
      [root, 2],
      [root, 3],
    ]);
    pages.free(root);
    expect([pool.freeCount(), pages.typeOf(root)]).toEqual([12, types.NO_SHADOW]);
  });

  test('S1: room is made before, or there is none', () => {
    const { pages } = structures();
    for (const key of [1, 2, 3]) pages.make(types.L2_32, key);
    expect(() => pages.make(types.L4_64, 4)).toThrow('room was made');
  });

  test('S3: a shadow that is held is not freed', () => {
    const { pages } = structures();
    const shadow = pages.make(types.L1_64, 1);
    pages.hold(shadow);
    expect(() => {
      pages.free(shadow);
    }).toThrow('held by nothing');
    expect(pages.letGo(shadow)).toBe(0);
    expect(() => pages.letGo(shadow)).toThrow('was held');
  });

  test('S4: the pinned shadow that was not used for longest is the oldest', () => {
    const { pages } = structures();
    const [a, b, c] = [1, 2, 3].map((key) => pages.make(types.L4_64, key));
    for (const shadow of [a, b, c, a]) pages.pin(shadow ?? NONE);
    expect([pages.oldestPinned(), pages.newerThan(b ?? NONE), pages.newerThan(a ?? NONE)]).toEqual([
      b,
      c,
      NONE,
    ]);
    expect(pages.countOf(a ?? NONE)).toBe(1);
    pages.unpin(c ?? NONE);
    pages.unpin(b ?? NONE);
    expect([pages.oldestPinned(), pages.isPinned(b ?? NONE)]).toEqual([a, false]);
  });
});

test('S22: the hash finds each shadow by key and type, also where buckets collide', () => {
  const { pages, hash } = structures();
  const keys = [5, 5 + 251, 5 + 502];
  const made = keys.map((key) => pages.make(types.L1_PAE, key));
  for (const shadow of made) hash.insert(shadow);
  expect(keys.map((key) => hash.find(types.L1_PAE, key))).toEqual(made);
  expect(hash.find(types.L1_64, 5)).toBe(NONE);
  hash.remove(made[1] ?? NONE);
  expect(keys.map((key) => hash.find(types.L1_PAE, key))).toEqual([made[0], NONE, made[2]]);
  expect(hash.size()).toBe(2);
  expect(() => {
    hash.remove(made[1] ?? NONE);
  }).toThrow('was in it');
});

test.each([true, false])('S3: the slots of a frame are found (reverse map: %s)', (reverseMap) => {
  const { pages, slots, host } = structures(reverseMap);
  const shadow = pages.make(types.L1_32, 1);
  const at = [3, 600, 1023].map((index) => slots.slotOf(shadow, index));
  for (const slot of at) slots.write(slot, entry.lowWord(Mfn(9), PTE_RW), 0);
  const found = (): number[] =>
    [...slots.found.subarray(0, slots.collect(Mfn(9)))].toSorted((a, b) => a - b);
  expect(found()).toEqual([...at].toSorted((a, b) => a - b));
  expect(at.map((slot) => slots.guestIndexOf(slot))).toEqual([3, 600, 1023]);
  slots.write(at[1] ?? 0, entry.lowWord(Mfn(8), 0), 0);
  slots.write(at[0] ?? 0, 0, 0);
  expect(found()).toEqual([at[2]]);
  expect(host.counters.slotsScanned > 0).toBe(!reverseMap);
});

test('S12: an entry of a 2-level root stands in two slots of one of four pages', () => {
  const { pages, slots } = structures();
  const root = pages.make(types.L2_32, 1);
  expect(slots.slotOf(root, 300)).toBe(pages.pageOf(root, 1) * ENTRIES + 2 * 44);
  expect(slots.guestIndexOf(slots.slotOf(root, 300) + 1)).toBe(300);
});

describe('places of tables out of sync', () => {
  test('S15: a page moves to its alternate with its snapshot and its writers', () => {
    const table = new OutOfSyncTable(2);
    const home = table.homeOf(1, Mfn(7));
    const alternate = table.alternateOf(1, Mfn(7));
    expect([home, alternate, table.vcpuOf(alternate)]).toEqual([4, 5, 1]);
    table.put(home, Mfn(7));
    table.setWord(home, 1023, 77);
    table.addWriter(home, 123);
    table.move(home, alternate);
    expect([table.placeOf(Mfn(7)), table.isTaken(home), table.used()]).toEqual([
      alternate,
      false,
      1,
    ]);
    expect([table.wordOf(alternate, 1023), table.isWriter(alternate, 123)]).toEqual([77, true]);
    table.remove(alternate);
    expect([table.placeOf(Mfn(7)), table.used()]).toEqual([NO_PLACE, 0]);
  });

  test('S17: the third writer displaces the first, one that is known displaces none', () => {
    const table = new OutOfSyncTable(1);
    table.put(0, Mfn(3));
    const displaced = [10, 11, 11, 12, 10].map((slot) => table.addWriter(0, slot));
    expect(displaced).toEqual([NO_PLACE, NO_PLACE, NO_PLACE, 10, 11]);
  });
});
