import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, type Mfn } from '../abi/ids.js';
import { assert } from './assert.js';
import type { Domain } from './domain.js';
import { mfnOf } from './tables/p2m-entry.js';
import { Guests } from './testing/guests.js';

/** Domain 2 maps page 5 of domain 1 at gfn 0x50, by ref 3; domain 3 has given a page up. */
function mapped(): Guests {
  const guests = new Guests();
  guests.grant(1, 3, 2, 5);
  guests.map(2, 1, 3, 0x50);
  guests.decrease(3, [7]);
  guests.observer.changes();
  return guests;
}

function domainOf({ hypervisor }: Guests, id: number): Domain {
  const domain = hypervisor.host.domains.byId(DomainId(id));
  assert(domain !== undefined, 'the domains of a test exist');
  return domain;
}

const frameAt = (guests: Guests, id: number, gfn: number): Mfn =>
  mfnOf(domainOf(guests, id).p2m.lookup(Gfn(gfn)));

describe('view', () => {
  test('a mapping shows at the mapper, its pin at the granter, its frame at both', () => {
    const guests = mapped();
    const [granter, mapper] = guests.observer.view().domains;
    const mfn = frameAt(guests, 1, 5);
    expect(mapper?.mappings).toEqual([{ handle: 0, granter: 1, ref: 3, readonly: false, mfn }]);
    const device = { deviceRead: 0, deviceWrite: 0 };
    expect(granter?.pins).toEqual([
      { ref: 3, grantee: 2, mfn, hostRead: 0, hostWrite: 1, ...device },
    ]);
    expect(mapper?.vcpus).toEqual([
      { cr0: 0x11, cr3: { low: 0, high: 0 }, cr4: 0, efer: 0, pkru: 0, pdptes: [] },
    ]);
    expect(mapper?.p2m.at(-1)).toEqual({ gfn: 0x50, type: 'grant_map_rw', mfn });
    expect(guests.observer.entryAt(DomainId(2), Gfn(0x50))).toEqual({ type: 'grant_map_rw', mfn });
    expect(guests.observer.entryAt(DomainId(2), Gfn(0x51))).toBeUndefined();
  });
});
