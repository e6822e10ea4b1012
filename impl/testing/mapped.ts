import { DomainId, Gfn, type Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import type { Domain } from '../domain.js';
import { mfnOf } from '../tables/p2m-entry.js';
import { Guests } from './guests.js';

/** Domain 2 maps page 5 of domain 1 at gfn 0x50, by ref 3; domain 3 has given a page up. */
export function mapped(): Guests {
  const guests = new Guests();
  guests.grant(1, 3, 2, 5);
  guests.map(2, 1, 3, 0x50);
  guests.decrease(3, [7]);
  guests.observer.changes();
  return guests;
}

export function domainOf({ hypervisor }: Guests, id: number): Domain {
  const domain = hypervisor.host.domains.byId(DomainId(id));
  assert(domain !== undefined, 'the domains of a test exist');
  return domain;
}

/** The frame of what is at a gfn of a domain. */
export const frameAt = (guests: Guests, id: number, gfn: number): Mfn =>
  mfnOf(domainOf(guests, id).p2m.lookup(Gfn(gfn)));
