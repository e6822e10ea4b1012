import { CONTROL, DOMID_SELF, type DomainId, type Mfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';

/**
 * Holds a system's machine frames against the recorded names (F0, F1, ...). Neither side's numbers
 * mean anything, and a freed frame may come back under an old name: two observations can only
 * be compared while both of the gfns they were made at still hold what was seen there. So every
 * gfn at which a frame was observed is a witness for one pair (name, frame); a step that may
 * change a gfn dismisses its witness; a pair without witnesses is forgotten; and among the pairs that
 * have one, no name may stand for two frames and no frame may have two names.
 */
export class FrameNames {
  readonly #witnesses = new Map<number, Map<number, Pair>>();
  readonly #byName = new Map<number, Pair>();
  readonly #byFrame = new Map<number, Pair>();

  /**
   * Takes in a step and the frames in its reply. Answers a sentence for each frame that contradicts
   * what is still to be seen elsewhere.
   */
  observe(step: Step, recorded: Reply, actual: Reply): string[] {
    this.#dismissTouched(step);
    const conflicts: string[] = [];
    for (const { domain, gfn, name, frame } of sightings(step, recorded, actual)) {
      const conflict = this.#witness(domain, gfn, name, frame);
      if (conflict !== undefined) conflicts.push(conflict);
    }
    return conflicts;
  }

  /** Takes in a step whose reply shows no frame. */
  pass(step: Step): void {
    this.#dismissTouched(step);
  }

  #witness(domain: DomainId, gfn: number, name: Mfn, frame: Mfn): string | undefined {
    this.#dismiss(domain, gfn);
    const named = this.#byName.get(name);
    const framed = this.#byFrame.get(frame);
    if (named === undefined && framed === undefined) {
      const pair = { name, frame, witnesses: 1 };
      this.#byName.set(name, pair);
      this.#byFrame.set(frame, pair);
      this.#placesOf(domain).set(gfn, pair);
      return undefined;
    }
    if (named !== undefined && named === framed) {
      named.witnesses += 1;
      this.#placesOf(domain).set(gfn, named);
      return undefined;
    }
    return named === undefined
      ? `frame ${frame} is F${framed?.name} elsewhere, and F${name} at gfn ${gfn} of d${domain}`
      : `F${name} is frame ${named.frame} elsewhere, and ${frame} at gfn ${gfn} of d${domain}`;
  }

  #placesOf(domain: DomainId): Map<number, Pair> {
    const found = this.#witnesses.get(domain);
    if (found !== undefined) return found;
    const places = new Map<number, Pair>();
    this.#witnesses.set(domain, places);
    return places;
  }

  #dismiss(domain: DomainId, gfn: number): void {
    const pair = this.#witnesses.get(domain)?.get(gfn);
    if (pair === undefined) return;
    this.#witnesses.get(domain)?.delete(gfn);
    pair.witnesses -= 1;
    if (pair.witnesses > 0) return;
    this.#byName.delete(pair.name);
    this.#byFrame.delete(pair.frame);
  }

  #dismissAll(domain: DomainId): void {
    // Deleting from a map while walking it is safe.
    for (const gfn of this.#witnesses.get(domain)?.keys() ?? []) this.#dismiss(domain, gfn);
  }

  #dismissExtent(domain: DomainId, gfn: number, order: number): void {
    if (order > DISMISSED_ONE_BY_ONE) return this.#dismissAll(domain);
    for (let i = 0; i < 2 ** order; i++) this.#dismiss(domain, gfn + i);
  }

  #dismissTouched(step: Step): void {
    switch (step.op) {
      case 'map':
        for (const { granter, address } of step.elements) {
          // A grant to oneself moves the page away from where it was.
          if (granter === step.caller) this.#dismissAll(step.caller);
          else this.#dismiss(step.caller, pageOf(address));
        }
        return;
      case 'unmap':
        for (const { address } of step.elements) this.#dismiss(step.caller, pageOf(address));
        return;
      case 'populate_physmap':
      case 'decrease_reservation':
        for (const gfn of step.extents) this.#dismissExtent(ownerOf(step), gfn, step.order);
        return;
      case 'exchange':
      case 'add_to_physmap':
      case 'add_to_physmap_batch':
      case 'remove_from_physmap':
        return this.#dismissAll(ownerOf(step));
      case 'set_version':
        return this.#dismissAll(step.caller);
      case 'transfer':
        this.#dismissAll(CONTROL);
        for (const { target } of step.elements) this.#dismissAll(target);
        return;
      case 'map_foreign':
      case 'unmap_window':
      case 'unmap_and_replace':
        return this.#dismissAll(CONTROL);
      case 'create':
      case 'destroy':
        return this.#dismissAll(step.domain);
      default:
        return;
    }
  }
}

interface Pair {
  readonly name: Mfn;
  readonly frame: Mfn;
  witnesses: number;
}

interface Sighting {
  readonly domain: DomainId;
  readonly gfn: number;
  readonly name: Mfn;
  readonly frame: Mfn;
}

/** Extents up to this order are looked at page by page. */
const DISMISSED_ONE_BY_ONE = 10;

const ownerOf = ({ target, caller }: { target: DomainId; caller: DomainId }): DomainId =>
  target === DOMID_SELF ? caller : target;

const pageOf = (address: number): number => Math.floor(address / PAGE_BYTES);

/** The frames that both replies show, and at which gfn each was seen. */
function* sightings(step: Step, recorded: Reply, actual: Reply): Generator<Sighting> {
  if (step.op === 'inspect_gfn' && recorded.is === 'inspected' && actual.is === 'inspected') {
    const [name, frame] = [recorded.frame, actual.frame];
    if (name === undefined || frame === undefined) return;
    yield { domain: step.domain, gfn: step.gfn, name, frame };
  }
  if (step.op !== 'map' || recorded.is !== 'statuses' || actual.is !== 'statuses') return;
  for (const [i, { address }] of step.elements.entries()) {
    const [name, frame] = [recorded.elements[i]?.frame, actual.elements[i]?.frame];
    if (name === undefined || frame === undefined) continue;
    yield { domain: step.caller, gfn: pageOf(address), name, frame };
  }
}
