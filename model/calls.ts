import { structures, type Layout } from '../abi/layouts.js';
import { DomainId, Gfn, GrantRef, GuestPhysical, Handle } from '../abi/ids.js';
import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../abi/grant-table.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type { Rc } from '../abi/status.js';
import type { CopyElement, Hypercall, MapElement, SwapElement, UnmapElement } from '../abi/step.js';
import { argumentOf, bytesAt, numberIn } from './buffers.js';
import type { Result } from './outcome.js';
import type { State } from './state.js';

/** What a hypercall comes to, and how the elements of its batches are read. */

/** How a hypercall ends: its value, what the call behind it answered, and what is left. */
export interface Ended {
  readonly rc: Rc | 'crashed';
  readonly outcome: Reply | undefined;
  readonly rules: Rules;
  readonly next: State;
  /** It was stopped, where so many units were done as it might do ([B2]). */
  readonly isStopped?: true;
}
export type Rules = readonly (RuleId | RefusalId)[];

/** How far it came: what is left so far, and what the call behind it answers so far. */
type Sofar = Omit<Ended, 'rc'>;

/** [M1] The call came to its end. */
export const through = (sofar: Sofar, rc: Rc = 0): Ended => {
  return { ...sofar, rc, rules: [...sofar.rules, 'M1'] };
};

/** [M2] An argument cannot be read: what was done before its turn came stays done. */
export const unread = (sofar: Sofar): Ended => {
  return { ...sofar, rc: '-EFAULT', rules: [...sofar.rules, 'M2.1'] };
};

/** [M3] A result cannot be written: what it is the result of stays done, and the call ends. */
export const unwritten = (sofar: Sofar): Ended => {
  return { ...sofar, rc: '-EFAULT', rules: [...sofar.rules, 'M3.1'] };
};

/** The caller crashed. */
export const fatal = (sofar: Sofar): Ended => ({ ...sofar, rc: 'crashed' });

/** Nothing was called. */
export const refused = (state: State, rc: Rc, rule: RefusalId): Ended => {
  return { rc, outcome: undefined, rules: [rule], next: state };
};

type Bytes = readonly number[];

/** Who makes the call that a hypercall is. */
export const by = ({ caller, vcpu }: Hypercall) => ({ caller, vcpu });

/** [M2] One structure is read, and what it asks for is done; nothing is written. */
export function structured(
  state: State,
  made: Hypercall,
  size: number,
  ask: (now: State, bytes: Bytes) => Result,
): Ended {
  const { bytes, next: now } = bytesAt(state, made, argumentOf(made), size);
  if (bytes === undefined) return unread({ next: now, outcome: undefined, rules: [] });
  return answered(now, ask(now, bytes));
}

/** The end that the answer of one operation is. */
export function answered(before: State, { answer, rule, next = before }: Result): Ended {
  if (answer === 'crashed') return fatal({ next, outcome: undefined, rules: [rule] });
  return through({ next, outcome: answer, rules: [rule] }, 'rc' in answer ? answer.rc : 0);
}

export function mapElement(bytes: Bytes): MapElement {
  const { map } = structures.native;
  return {
    granter: DomainId(numberIn(bytes, map.granter)),
    ref: GrantRef(numberIn(bytes, map.ref)),
    address: GuestPhysical(numberIn(bytes, map.address)),
    flags: numberIn(bytes, map.flags),
  };
}

export function unmapElement(bytes: Bytes): UnmapElement {
  const { unmap } = structures.native;
  return {
    handle: Handle(numberIn(bytes, unmap.handle)),
    address: GuestPhysical(numberIn(bytes, unmap.address)),
    deviceAddress: numberIn(bytes, unmap.busAddress),
  };
}

export function swapElement(bytes: Bytes): SwapElement {
  const { swap } = structures.native;
  const [first, second] = [numberIn(bytes, swap.first), numberIn(bytes, swap.second)];
  return { first: GrantRef(first), second: GrantRef(second) };
}

/** [M2] A side of a copy is a ref of 32 bits, or a gfn as wide as a guest's numbers are. */
export function copyElement(bytes: Bytes, layout: Layout): CopyElement {
  const { copy } = structures[layout];
  const flags = numberIn(bytes, copy.flags);
  const isFromRef = (flags & GNTCOPY_source_gref) !== 0;
  const isToRef = (flags & GNTCOPY_dest_gref) !== 0;
  return {
    source: {
      domain: DomainId(numberIn(bytes, copy.sourceDomain)),
      at: numberIn(bytes, isFromRef ? copy.sourceRef : copy.sourceGfn),
      offset: numberIn(bytes, copy.sourceOffset),
    },
    dest: {
      domain: DomainId(numberIn(bytes, copy.destDomain)),
      at: numberIn(bytes, isToRef ? copy.destRef : copy.destGfn),
      offset: numberIn(bytes, copy.destOffset),
    },
    length: numberIn(bytes, copy.length),
    flags,
  };
}

/** [M2] A gfn of a list, as wide as a guest's numbers are. */
export const gfnIn = (bytes: Bytes, layout: Layout): Gfn =>
  Gfn(numberIn(bytes, structures[layout].frame.number));
