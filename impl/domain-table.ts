import { CONTROL, DOMID_SELF } from '../abi/ids.js';
import type { DomainId } from '../abi/ids.js';
import { assert } from './assert.js';
import type { Domain } from './domain.js';

/** The domains that exist, dying ones included, by id (grants.md 1.8). */
export class DomainTable {
  readonly #domains: (Domain | undefined)[];

  constructor(guestLimit: number) {
    this.#domains = Array.from({ length: guestLimit + 1 });
  }

  /** Special ids, `DOMID_SELF` among them, name nobody. */
  byId(id: DomainId): Domain | undefined {
    return this.#domains[id];
  }

  /** As `byId`, but `DOMID_SELF` names the caller. */
  byAnyId(id: DomainId, caller: Domain): Domain | undefined {
    return id === DOMID_SELF ? caller : this.#domains[id];
  }

  /** Guests, ascending by id; the control domain is not among them. */
  *guests(): Generator<Domain> {
    for (let id = CONTROL + 1; id < this.#domains.length; id += 1) {
      const domain = this.#domains[id];
      if (domain !== undefined) yield domain;
    }
  }

  /** A guest may have this id: 1 to the machine's limit. */
  isGuestId(id: DomainId): boolean {
    return id > CONTROL && id < this.#domains.length;
  }

  add(domain: Domain): void {
    assert(this.#domains[domain.id] === undefined, 'a new domain has a free id');
    this.#domains[domain.id] = domain;
  }

  remove(domain: Domain): void {
    assert(this.#domains[domain.id] === domain, 'a domain that goes was there');
    this.#domains[domain.id] = undefined;
  }
}
