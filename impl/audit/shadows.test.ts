import { describe, expect, test } from 'vitest';
import { PTE_RW } from '../../abi/control.js';
import { DomainId, Mfn } from '../../abi/ids.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { assert } from '../assert.js';
import * as entry from '../shadow/entry.js';
import { ShadowPaging } from '../shadow/shadow.js';
import { ENTRIES } from '../shadow/slots.js';
import type { ShadowState } from '../shadow/state.js';
import * as types from '../shadow/types.js';
import { ALL, LEVEL_1, roomy } from '../testing/paged-guests.js';
import type { PagedGuests } from '../testing/paged-guests.js';
import { auditOf, rewrite, shadowed } from '../testing/shadowed-guests.js';

const OUT_OF_SYNC_MARK = 0x8000;

function stateOf(guests: PagedGuests): ShadowState {
  const paging = guests.hypervisor.host.domains.byId(DomainId(1))?.paging;
  assert(paging instanceof ShadowPaging, 'domain 1 has shadows');
  return paging.state;
}

/** Guests with an entry of level 1 written through, and a superpage. */
function lively(): { guests: PagedGuests; state: ShadowState; write: Write } {
  const guests = shadowed('2-level');
  guests.access(guests.linear(8), { op: 'store', value: 8 });
  guests.setSuperpage(0);
  guests.access(9 * PAGE_BYTES);
  expect(auditOf(guests)).toEqual([]);
  const state = stateOf(guests);
  return {
    guests,
    state,
    write: (slot, low, high = 0) => {
      state.slots.write(slot, low, high);
    },
  };
}

type Write = (slot: number, low: number, high?: number) => void;

/** The first shadow of a type. */
function shadowOf(state: ShadowState, type: number): number {
  for (let page = 0; page < state.pages.pageCount; page += 1) {
    if (state.pages.isShadow(page) && state.pages.typeOf(page) === type) return page;
  }
  throw new RangeError('there is such a shadow');
}

/** The first present slot of the first shadow of a type. */
function slotOf(state: ShadowState, type: number): number {
  const page = shadowOf(state, type);
  for (let slot = page * ENTRIES; slot < (page + 1) * ENTRIES; slot += 1) {
    if (state.slots.isPresent(slot)) return slot;
  }
  throw new RangeError('there is a present entry');
}

function ids(guests: PagedGuests): readonly string[] {
  return [...new Set(auditOf(guests).map(({ id }) => id))];
}

describe('each claim about shadows can fail', () => {
  const broken: readonly (readonly [string, string, (at: ReturnType<typeof lively>) => void])[] = [
    ['F11', 'a mark without shadow', ({ state }) => state.host.frames.setShadows(Mfn(20), 2)],
    [
      'F12',
      'out of sync without shadow',
      ({ state }) => state.host.frames.setShadows(Mfn(20), OUT_OF_SYNC_MARK),
    ],
    ['S1', 'a page that is lost', ({ state }) => state.pool.take()],
    ['S2', 'a hash that lost one', ({ state }) => state.hash.remove(shadowOf(state, types.L1_32))],
    ['S3', 'a hold by nobody', ({ state }) => state.pages.hold(shadowOf(state, types.L1_32))],
    ['S4', 'a pin of no root', ({ state }) => state.pages.pin(shadowOf(state, types.L1_32))],
    [
      'S6',
      'rights that the guest did not give',
      ({ state, write }) => {
        const slot = slotOf(state, types.L1_32);
        write(slot, (state.slots.lowOf(slot) & ~0x4) >>> 0);
      },
    ],
    [
      'S7',
      'another frame',
      ({ state, write }) => {
        write(slotOf(state, types.L1_32), entry.lowWord(Mfn(21), ALL));
      },
    ],
    [
      'S8',
      'upper rights that the guest did not give',
      ({ state, write }) => {
        const slot = slotOf(state, types.L2_32);
        const mfn = state.slots.frameAt(slot);
        write(slot, entry.lowWord(mfn, ALL & ~0x4));
      },
    ],
    [
      'S9',
      'a table that can be written',
      ({ state, write, guests }) => {
        guests.access(guests.linear(LEVEL_1));
        const slot = state.slots.slotOf(shadowOf(state, types.L1_32), LEVEL_1);
        write(slot, entry.lowWord(state.slots.frameAt(slot), ALL));
      },
    ],
    [
      'S10',
      'writes that the log does not have',
      ({ state, write, guests }) => {
        guests.step({ op: 'log_dirty', domain: DomainId(1), action: 'enable' });
        guests.access(guests.linear(8));
        const slot = state.slots.slotOf(shadowOf(state, types.L1_32), 8);
        write(slot, entry.lowWord(state.slots.frameAt(slot), ALL));
      },
    ],
    ['S12', 'half a pair', ({ state, write }) => write(slotOf(state, types.L2_32) + 1, 0)],
    [
      'S13',
      'a processor that starts elsewhere',
      ({ guests }) => {
        guests.vcpu().cpu.pdptes[0] = 0;
      },
    ],
    [
      'S15',
      'a table out of sync without a place',
      ({ state }) => state.setOutOfSync(Mfn(state.pages.keyOf(shadowOf(state, types.L1_32))), true),
    ],
    [
      'S19',
      "another domain's frame",
      ({ state, write }) => {
        const owned = (frame: number): boolean =>
          state.host.frames.ownerOf(Mfn(frame)) === DomainId(2);
        const frame = Array.from({ length: roomy.guestFrames }, (_, at) => at).find(owned);
        write(slotOf(state, types.L1_32), entry.lowWord(Mfn(frame ?? 0), ALL & ~PTE_RW));
      },
    ],
    [
      'S20',
      'a piece of elsewhere',
      ({ state, write }) => {
        write(slotOf(state, types.FL1_32), entry.lowWord(Mfn(3), ALL & ~PTE_RW));
      },
    ],
    [
      'S21',
      'shadows of a domain that gave them up',
      ({ state }) => {
        state.isClosed = true;
      },
    ],
    [
      'S24',
      'a root of another mode',
      ({ guests }) => {
        guests.vcpu().cr0 = 0x11;
      },
    ],
  ];

  test.each(broken)('%s: %s', (id, _what, breakIt) => {
    const at = lively();
    breakIt(at);
    expect(ids(at.guests)).toContain(id);
  });

  test('S22: a hash with more than there is', () => {
    const { guests, state } = lively();
    state.pages.make(types.FL1_PAE, 77);
    expect(ids(guests)).toContain('S22');
  });

  test('S16, S17: an entry older than its snapshot, and an unknown way to write a table', () => {
    const { guests, state } = lively();
    guests.access(guests.linear(10));
    rewrite(guests, LEVEL_1, 11, 11);
    const table = Mfn(state.pages.keyOf(shadowOf(state, types.L1_32)));
    const place = state.outOfSync.placeOf(table);
    expect(auditOf(guests)).toEqual([]);
    state.outOfSync.setWord(place, 10, 0);
    expect(ids(guests)).toContain('S16');
    const slot = state.slots.slotOf(shadowOf(state, types.L1_32), 10);
    state.slots.write(slot, entry.lowWord(table, ALL), 0);
    expect(ids(guests)).toContain('S17');
  });

  test('S5: a shadow of a frame of another domain', () => {
    const { guests, state } = lively();
    const frames = state.host.frames;
    const foreign = Array.from({ length: roomy.guestFrames }, (_, at) => Mfn(at)).find(
      (mfn) => frames.ownerOf(mfn) === DomainId(2),
    );
    state.hash.insert(state.pages.make(types.L1_PAE, foreign ?? 0));
    expect(ids(guests)).toContain('S5');
  });
});
