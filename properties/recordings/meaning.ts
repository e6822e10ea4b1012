import { DomainId, Mfn } from '../../abi/ids.js';
import { errnos, type Errno, type Rc } from '../../abi/status.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import type { Expected } from './expected.js';
import type { Fields } from './fields.js';
import type { Json } from './json-text.js';

/** The steps that a recorded operation stands for, and how its result reads. */
export interface Meaning {
  readonly steps: readonly Step[];
  /** What the result says about each step, where the caller survived and no fault was raised. */
  expect(result: Fields): readonly Expected[];
}

/** Why an operation cannot be judged: a short name to count by. */
export interface NotBuilt {
  readonly notBuilt: string;
}

export const notBuilt = (reason: string): NotBuilt => ({ notBuilt: reason });

/** One step, one reply. */
export const single = (step: Step, reply: (result: Fields) => Reply | undefined): Meaning => ({
  steps: [step],
  expect: (result) => [expectation(reply(result), result)],
});

/** One step that answers with a hypercall's value. */
export const valued = (step: Step): Meaning => single(step, rcReply);

/** The `rc` of a result as a reply; undefined for an errno that the contract does not name. */
export function rcReply(result: Fields): Reply | undefined {
  const rc = rcOf(result.raw('rc'));
  return rc === undefined ? undefined : { is: 'rc', rc };
}

export const expectation = (reply: Reply | undefined, result: Fields): Expected =>
  reply === undefined
    ? { is: 'inexpressible', text: JSON.stringify(result.rawObject()) }
    : { is: 'reply', reply };

export function rcOf(rc: Json | undefined): Rc | undefined {
  if (typeof rc === 'number' && rc >= 0) return rc;
  // The rig has no names for these.
  if (rc === -84) return '-EILSEQ';
  if (rc === -33) return '-EDOM';
  return errnos.find((name): name is Errno => name === rc);
}

/** The name of a machine frame, F7, as a number. */
export function frameOf(result: Fields): Mfn {
  const name = /^F(\d{1,9})$/.exec(result.string('frame'));
  return name === null ? result.refuse('frame', 'a frame name such as F7') : Mfn(Number(name[1]));
}

// ---- numbers, cut to the width of the field that the rig wrote them to ----

export const u16 = (value: bigint): number => Number(BigInt.asUintN(16, value));
export const u32 = (value: bigint): number => Number(BigInt.asUintN(32, value));
/**
 * A 64-bit number as the contract carries it: all ones becomes `ALL_ONES`, and what no double holds
 * becomes NaN, which no step may carry.
 */
export function u64(value: bigint): number {
  const bits = BigInt.asUintN(64, value);
  const held = Number(bits);
  return bits === U64_MAXIMUM || BigInt(held) === bits ? held : Number.NaN;
}
/** Its nearest double is `ALL_ONES`. */
const U64_MAXIMUM = 2n ** 64n - 1n;

/** The low `size` bytes of a value. */
export function wordOf(value: bigint, size: number): Word {
  const bits = BigInt.asUintN(8 * size, value);
  return { low: Number(bits & 0xffff_ffffn), high: Number(bits >> 32n) };
}

const specialDomains: ReadonlyMap<Json | undefined, number> = new Map([
  [undefined, 0x7ff0],
  ['self', 0x7ff0],
  ['io', 0x7ff1],
  ['xen', 0x7ff2],
  ['invalid', 0x7ff4],
  ['idle', 0x7fff],
]);

/** A domain argument, by number or by the name of a special id; missing means self. */
export function domainOf(fields: Fields, key: string): DomainId {
  const special = specialDomains.get(fields.raw(key));
  return DomainId(special ?? u16(fields.quantity(key)));
}
