import { DomainId, Gfn, GrantRef } from '../../abi/ids.js';
import type { Rewrite } from '../shrink/rewrite-numbers.js';
import { rewriteLine } from '../shrink/rewrite.js';
import type { Act, Interchangeable } from './bound.js';

/**
 * New names for domains, and for the gfns and refs of each. The rows of gfns and refs are those of the
 * former domain id; what a row lacks keeps its name.
 */
export interface Renaming {
  readonly domains: readonly number[];
  readonly gfns: readonly (readonly number[])[];
  readonly refs: readonly (readonly number[])[];
}

export const unchanged: Renaming = { domains: [], gfns: [], refs: [] };

export const domainBy = ({ domains }: Renaming, id: number): DomainId =>
  DomainId(domains[id] ?? id);
export const gfnBy = ({ gfns }: Renaming, of: number, gfn: number): Gfn =>
  Gfn(gfns[of]?.[gfn] ?? gfn);
export const refBy = ({ refs }: Renaming, of: number, ref: number): GrantRef =>
  GrantRef(refs[of]?.[ref] ?? ref);

/** Every renaming that a bound calls meaningless, the one that changes nothing first. */
export function renamings(
  { domains: areAlike, gfns, refs }: Interchangeable,
  guests: number,
): readonly Renaming[] {
  const identity = Array.from({ length: guests + 1 }, (_, i) => i);
  const labellings = areAlike
    ? permutations(identity.slice(1)).map((guestsAnew) => [0, ...guestsAnew])
    : [identity];
  const rows = products([...gfns.map(exchanges), ...refs.map(exchanges)]).map((lists) => ({
    gfns: exchanged(lists.slice(0, gfns.length), gfns),
    refs: exchanged(lists.slice(gfns.length), refs),
  }));
  const ofGuests = products(Array.from({ length: guests }, () => rows));
  return labellings.flatMap((domains) =>
    ofGuests.map((each) => ({
      domains,
      gfns: [[], ...each.map((row) => row.gfns)],
      refs: [[], ...each.map((row) => row.refs)],
    })),
  );
}

const exchanges = (list: readonly number[]): readonly (readonly number[])[] => permutations(list);

/** A row by former name: each list's names in another order. */
function exchanged(
  orders: readonly (readonly number[])[],
  lists: readonly (readonly number[])[],
): readonly number[] {
  const highest = Math.max(-1, ...lists.flat());
  const row = Array.from({ length: highest + 1 }, (_, i) => i);
  for (const [which, list] of lists.entries())
    for (const [i, former] of list.entries()) row[former] = orders[which]?.[i] ?? former;
  return row;
}

/** First one renaming, then another. */
export function composed(first: Renaming, then: Renaming): Renaming {
  const ids = [...first.domains.keys(), ...then.domains.keys()];
  const domains = Array.from({ length: Math.max(0, ...ids.map((id) => id + 1)) }, (_, id) =>
    domainBy(then, domainBy(first, id)),
  );
  const row = (
    of: number,
    pick: (by: Renaming) => readonly (readonly number[])[],
  ): readonly number[] => {
    const [one, other] = [pick(first)[of] ?? [], pick(then)[domainBy(first, of)] ?? []];
    const length = Math.max(one.length, other.length);
    return Array.from({ length }, (_, i) => {
      const middle = one[i] ?? i;
      return other[middle] ?? middle;
    });
  };
  return {
    domains,
    gfns: domains.map((_, id) => row(id, ({ gfns }) => gfns)),
    refs: domains.map((_, id) => row(id, ({ refs }) => refs)),
  };
}

/** What takes a renaming back. */
export function inverse(by: Renaming): Renaming {
  const turned = (row: readonly number[]): readonly number[] => {
    const back: number[] = [];
    for (const [former, now] of row.entries()) back[now] = former;
    return back;
  };
  const domains = turned(by.domains);
  const ofFormer = (rows: readonly (readonly number[])[]) =>
    domains.map((former) => turned(rows[former] ?? []));
  return { domains, gfns: ofFormer(by.gfns), refs: ofFormer(by.refs) };
}

/** The same act under other names. */
export function renamedAct(act: Act, by: Renaming): Act {
  if (act.op === 'unmap_grant') {
    const { caller, granter, ref, gfn } = act;
    return {
      ...act,
      caller: domainBy(by, caller),
      granter: domainBy(by, granter),
      ref: refBy(by, granter, ref),
      gfn: gfnBy(by, caller, gfn),
    };
  }
  const line = rewriteLine(act, rewriteBy(by));
  if (line.op === 'unmap') throw new Error('a line became another one under other names');
  return line;
}

const rewriteBy = (by: Renaming): Rewrite => ({
  domain: (id) => domainBy(by, id),
  gfn: (gfn, of) => gfnBy(by, of, gfn),
  ref: (ref, of) => refBy(by, of, ref),
  number: (n) => n,
});

function permutations(list: readonly number[]): readonly (readonly number[])[] {
  if (list.length <= 1) return [list];
  return list.flatMap((first, at) =>
    permutations(list.filter((_, i) => i !== at)).map((rest) => [first, ...rest]),
  );
}

function products<Value>(lists: readonly (readonly Value[])[]): readonly (readonly Value[])[] {
  let all: readonly (readonly Value[])[] = [[]];
  for (const list of lists) all = all.flatMap((one) => list.map((value) => [...one, value]));
  return all;
}
