import type { DomainId, Gfn, GrantRef, VcpuId } from '../../abi/ids.js';
import type { GrantLine, MarshalledLine } from '../../abi/program.js';
import type { Word } from '../../abi/word.js';
import { pick, type Choose } from '../choose.js';

/** A gfn of a domain that something was done at. */
export interface Place {
  readonly domain: DomainId;
  readonly gfn: Gfn;
}

/** A linear address that a vcpu has used. */
interface Passage {
  readonly domain: DomainId;
  readonly vcpu: VcpuId;
  readonly linear: Word;
}

/** A grant that somebody wrote or used. */
export interface Grant {
  readonly granter: DomainId;
  readonly ref: GrantRef;
}

/** A grant entry as its guest last wrote it, be it in force or not. */
export type Written = GrantLine;

/**
 * What the last lines were about. Bugs live where operations meet at one place, so generators take
 * a large share of their arguments from here: the page just mapped is loaded from, the grant just
 * used is used again, the page behind it is given up.
 */
export class Attention {
  readonly #places = new Ring<Place>(8);
  readonly #grants = new Ring<Grant>(5);
  readonly #written = new Ring<Written>(24);

  readonly #passages = new Ring<Passage>(12);
  /** The call whose arguments were put into memory last. */
  passed: MarshalledLine | undefined;

  through(passage: Passage): void {
    this.#passages.add(passage);
  }

  /** A linear address that a vcpu, or in the end any of its domain, has used. */
  linearOf(choose: Choose, domain: DomainId, vcpu: VcpuId): Word | undefined {
    for (let attempt = 0; attempt < 5; attempt++) {
      const passage = this.#passages.one(choose);
      if (passage?.domain !== domain) continue;
      if (passage.vcpu === vcpu || attempt > 2) return passage.linear;
    }
    return undefined;
  }

  at(place: Place): void {
    this.#places.add(place);
  }
  on(grant: Grant): void {
    this.#grants.add(grant);
  }
  wrote(line: Written): void {
    this.#written.add(line);
  }

  place(choose: Choose): Place | undefined {
    return this.#places.one(choose);
  }
  grant(choose: Choose): Grant | undefined {
    return this.#grants.one(choose);
  }

  /** A place of this domain, in a few attempts. */
  placeOf(choose: Choose, domain: DomainId): Place | undefined {
    for (let attempt = 0; attempt < 4; attempt++) {
      const place = this.#places.one(choose);
      if (place?.domain === domain) return place;
    }
    return undefined;
  }

  /** An entry written for this grantee, in a few attempts. */
  writtenFor(choose: Choose, grantee: DomainId): Written | undefined {
    for (let attempt = 0; attempt < 6; attempt++) {
      const written = this.#written.one(choose);
      if (written?.to === grantee) return written;
    }
    return undefined;
  }

  written(choose: Choose): Written | undefined {
    return this.#written.one(choose);
  }

  /** How the entry of a grant was last written, as far as is remembered. */
  lastWriting(grant: Grant): Written | undefined {
    return this.#written.last((line) => line.caller === grant.granter && line.ref === grant.ref);
  }
}

/** The last few of many. */
class Ring<Value> {
  readonly #values: Value[] = [];
  readonly #size: number;
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }
  add(value: Value): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#size;
  }
  one(choose: Choose): Value | undefined {
    return this.#values.length === 0 ? undefined : pick(choose, this.#values);
  }
  /** The youngest that satisfies `test`. */
  last(test: (value: Value) => boolean): Value | undefined {
    for (let back = 1; back <= this.#values.length; back++) {
      const value = this.#values[(this.#next - back + this.#size) % this.#size];
      if (value !== undefined && test(value)) return value;
    }
    return undefined;
  }
}
