import { DOMID_SELF, DomainId, Gfn, GrantRef } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import type { NumberKind, Rewrite } from './rewrite-numbers.js';
import { rewriteLine } from './rewrite.js';

/** A number of a line, by its position among all of them. */
type Slot = { readonly kind: 'domain' | 'gfn' | 'ref' | NumberKind; readonly value: number };

/** The lines that differ from this one in a single number, which is smaller. */
export function* simplerLines(line: Line): IterableIterator<Line> {
  for (const [index, { kind, value }] of slotsOf(line).entries())
    for (const smaller of smallerThan(value, kind)) yield withSlot(line, index, smaller);
}

/** What every simpler line has less of. */
export const sumOfNumbers = (line: Line): number =>
  slotsOf(line).reduce((sum, { value }) => sum + value, 0);

function slotsOf(line: Line): readonly Slot[] {
  const slots: Slot[] = [];
  rewriteLine(
    line,
    eachNumber((kind, value) => {
      slots.push({ kind, value });
      return value;
    }),
  );
  return slots;
}

function withSlot(line: Line, index: number, value: number): Line {
  let at = 0;
  return rewriteLine(
    line,
    eachNumber((_, old) => (at++ === index ? value : old)),
  );
}

const eachNumber = (replace: (kind: Slot['kind'], value: number) => number): Rewrite => ({
  domain: (id) => DomainId(replace('domain', id)),
  gfn: (gfn) => Gfn(replace('gfn', gfn)),
  ref: (ref) => GrantRef(replace('ref', ref)),
  number: (n, kind) => replace(kind, n),
});

/** Simplest first. Each is smaller than the value, so that simplifying comes to an end. */
function smallerThan(value: number, kind: Slot['kind']): readonly number[] {
  if (kind === 'domain') return simplerDomains(value);
  if (kind === 'flags') return [0, ...withoutOneBit(value)].filter((n) => n < value);
  if (isListed(kind)) return usual[kind].filter((n) => n < value);
  const tries = [...usual[kind], Math.floor(value / 2)];
  return [...new Set(tries)].filter((n) => n < value);
}

/** Kinds of which half of a number is not simpler than the number. */
const isListed = (kind: Slot['kind']): kind is 'size' | 'high' | 'accessor' =>
  kind === 'size' || kind === 'high' || kind === 'accessor';

/** Ids of guests are simplest, by number; "self" is simpler than any other special id. */
function simplerDomains(value: number): readonly number[] {
  if (value === DOMID_SELF || value === 0) return [];
  const ids = Array.from({ length: Math.min(value - 1, 3) }, (_, i) => i + 1);
  return value > DOMID_SELF ? [...ids, DOMID_SELF] : ids;
}

const withoutOneBit = (flags: number): readonly number[] =>
  Array.from({ length: 32 }, (_, bit) => (flags & ~(1 << bit)) >>> 0).toReversed();

/** What each kind is tried as, simplest first; sizes are those that an atomic may have. */
const usual: Readonly<Record<Exclude<Slot['kind'], 'domain' | 'flags'>, readonly number[]>> = {
  gfn: [0, 1, 2, 3, 8, 9, 10],
  ref: [0, 1, 2, 3],
  offset: [0, 8],
  length: [0, 1, 8],
  size: [1, 2, 4],
  count: [0, 1, 2],
  value: [0, 1],
  space: [0, 1, 2],
  handle: [0, 1],
  page: [0, 1, 2, 3, 4],
  // The lower half of what is canonical, and the simplest that is not.
  high: [0, 0x8000],
  vcpu: [0],
  accessor: [0, 1, 2],
};
