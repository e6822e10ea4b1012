import { describe, expect, test } from 'vitest';
import { GNTMAP_host_map, GNTMAP_readonly } from '../abi/grant-table.js';
import {
  CONTROL,
  DOMID_SELF,
  DomainId,
  FIRST_VCPU,
  Gfn,
  GrantRef,
  GuestPhysical,
} from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { Machine } from '../abi/machine.js';
import type { Observer } from '../abi/observer.js';
import type { Reply } from '../abi/reply.js';
import { XENMAPSPACE_gmfn, XENMAPSPACE_gmfn_range } from '../abi/step.js';
import type { PreemptibleCall } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { Guests } from './testing/guests.js';

const by = { caller: DomainId(1), vcpu: FIRST_VCPU };
const self = { ...by, target: DOMID_SELF };

/** Room for long calls. */
const roomy: Machine = {
  ...presets.small,
  domains: 2,
  guestFrames: 8192,
  p2mTableFrames: 32,
  handlesPerFrame: 64,
  pinLimit: 64,
  defaults: {
    ...presets.small.defaults,
    ram: [
      { gfn: 0, count: 8 },
      { gfn: 0x400, count: 2048 },
    ],
    maximumPages: 4000,
  },
};

const gfns = (from: number, count: number): Gfn[] =>
  Array.from({ length: count }, (_, i) => Gfn(from + i));

/** Long calls, one of each kind. */
function longCalls(units: number): readonly PreemptibleCall[] {
  const maps = gfns(0x2000, units).map((gfn) => ({
    granter: DomainId(2),
    ref: GrantRef(9),
    address: GuestPhysical(gfn * PAGE_BYTES),
    flags: GNTMAP_host_map | GNTMAP_readonly,
  }));
  return [
    { op: 'populate_physmap', ...self, extents: gfns(0x1000, units), order: 1 },
    { op: 'increase_reservation', ...self, count: units, order: 0 },
    {
      op: 'add_to_physmap',
      ...self,
      space: XENMAPSPACE_gmfn_range,
      index: 0x400,
      gfn: Gfn(0x1800),
      size: units,
    },
    {
      op: 'add_to_physmap_batch',
      ...self,
      space: XENMAPSPACE_gmfn,
      foreign: 0,
      entries: gfns(0x500, units).map((index) => ({ index, gfn: Gfn(index + 0x1000) })),
    },
    { op: 'decrease_reservation', ...self, extents: gfns(0x600, units), order: 0 },
    { op: 'map', ...by, elements: maps },
    { op: 'destroy', domain: by.caller },
  ];
}

const isStopped = ({ is }: Reply): boolean => is === 'preempted';

describe('calls that may be preempted', () => {
  test('the work between two places where one may be stopped does not grow with the call [BND]', () => {
    let most = 0;
    const observers: Observer[] = [];
    const note = (): void => {
      const changes = observers[0]?.changes();
      if (changes !== undefined) most = Math.max(most, changes.entryCount + changes.frameCount);
    };
    const guests = new Guests({ machine: roomy, stop: note });
    guests.grant(2, 9, 1, 5);
    observers.push(guests.observer);
    note();
    const work = longCalls(60).map((call) => {
      most = 0;
      guests.step(call);
      note();
      return [call.op, most];
    });
    // A slice of a destruction is four units, and a unit at most a table of the p2m.
    const slice = roomy.preemptionBudget * 512;
    expect(work).toEqual([
      ['populate_physmap', 4],
      ['increase_reservation', 1],
      ['add_to_physmap', 1],
      ['add_to_physmap_batch', 1],
      ['decrease_reservation', 1],
      ['map', 1],
      ['destroy', Math.min(most, slice)],
    ]);
  });

  test('a call that is always to be stopped comes to its end all the same [BND]', () => {
    const guests = new Guests({ machine: roomy });
    guests.grant(2, 9, 1, 5);
    for (const call of longCalls(20)) {
      const actor = 'caller' in call ? by : { caller: CONTROL, vcpu: FIRST_VCPU };
      let invocations = 0;
      guests.step({ op: 'interrupt', ...actor, after: 0 });
      for (
        let reply = guests.step(call);
        isStopped(reply);
        reply = guests.step({ op: 'resume', ...actor })
      ) {
        invocations += 1;
        expect(invocations).toBeLessThanOrEqual(20);
        expect(guests.observer.audit()).toEqual([]);
        guests.step({ op: 'interrupt', ...actor, after: 0 });
      }
      expect([call.op, invocations]).toEqual([call.op, call.op === 'destroy' ? 20 : 19]);
    }
  });
});
