import { describe, expect, test } from 'vitest';
import { DomainId, GrantRef, Handle } from '../../abi/ids.js';
import { parseTrace } from '../../counterexamples/parse.js';
import { ownPageAt, the, theDomain, withDomain, withPage, pageOf } from '../../model/derived.js';
import { PageId, type Domain, type Page, type State } from '../../model/state.js';
import { drop, put } from '../../values/keyed.js';
import { leftover } from '../farewell.js';
import { ours } from '../our-subject.js';
import { Running } from '../running.js';
import { invariants, violatedInvariant } from './all.js';

const d1 = DomainId(1);
const d2 = DomainId(2);

/** Domain 2 maps page 5 of domain 1; all three domains live. */
function mapped(): State {
  const { program } = parseTrace(
    `xenolith-trace 1
machine small

0  d1  grant  ref=3 to=d2 gfn=0x5 rw  ok
1  d2  map    d1/3 at=0x50 rw         ok
`,
    'mapped.trace',
  );
  const running = new Running(program.machine, program.boot, ours);
  for (const line of program.lines) expect(running.perform(line)).toBeUndefined();
  return running.state;
}

const pageAt = (state: State, id: DomainId, gfn: number): PageId =>
  the(ownPageAt(state, theDomain(state, id), gfn));

const inDomain = (state: State, id: DomainId, change: (domain: Domain) => Partial<Domain>): State =>
  withDomain(state, { ...theDomain(state, id), ...change(theDomain(state, id)) });

const inPage = (state: State, id: PageId, change: Partial<Page>): State =>
  withPage(state, id, { ...pageOf(state, id), ...change });

const ramAt = (state: State, id: DomainId, gfn: number, page: PageId): State =>
  inDomain(state, id, ({ p2m }) => ({ p2m: put(p2m, gfn, { type: 'ram_rw', page }) }));

const alsoMapped = (state: State, granter: DomainId, page: PageId): State =>
  inDomain(state, d2, ({ mappings }) => {
    const mapping = {
      granter,
      ref: GrantRef(3),
      page,
      readonly: false,
      host: true,
      device: false,
      byEntry: false,
    };
    return { mappings: put(mappings, Handle(7), mapping) };
  });

const damages: readonly (readonly [id: string, what: string, (state: State) => State])[] = [
  ['M1', "another's page is RAM", (s) => ramAt(s, d2, 0x60, pageAt(s, d1, 2))],
  ['M2', 'an entry names no page', (s) => ramAt(s, d1, 0x60, PageId(9999))],
  ['M2', 'a table names no page', (s) => inDomain(s, d1, () => ({ sharedInfo: PageId(9999) }))],
  ['M2', 'a mapping names no page', (s) => alsoMapped(s, d1, PageId(9999))],
  ['M2', 'a page is kept that is gone', (s) => inDomain(s, d1, () => ({ kept: [PageId(9999)] }))],
  ['M3', 'a page is in use for nothing', (s) => inPage(s, pageAt(s, d1, 2), { allocated: false })],
  ['M4', 'an owner is gone', (s) => inPage(s, pageAt(s, d1, 2), { owner: DomainId(77) })],
  ['M5', 'a page is RAM twice', (s) => ramAt(s, d1, 0x60, pageAt(s, d1, 2))],
  ['M6', 'RAM was given up', (s) => inPage(s, pageAt(s, d1, 5), { allocated: false })],
  ['M7', 'the machine shrinks', (s) => ({ ...s, machine: { ...s.machine, guestFrames: 1 } })],
  [
    'M8',
    'a domain dies for ever',
    (s) => inDomain(s, DomainId(3), () => ({ dying: true, tornDown: true })),
  ],
  ['M9', 'a granter is gone', (s) => ({ ...s, domains: drop(s.domains, d1) })],
  ['M9', 'a table loses its refs', (s) => inDomain(s, d1, () => ({ grantFrames: [] }))],
  ['M10', 'a grant is two pages', (s) => alsoMapped(s, d1, pageAt(s, d1, 2))],
  ['M11', "a lent page is another's", (s) => alsoMapped(s, DomainId(3), pageAt(s, d1, 5))],
  ['M12', 'a mapping loses its handle', (s) => inDomain(s, d2, () => ({ mappings: undefined }))],
  ['M13', 'the limit shrinks', (s) => ({ ...s, machine: { ...s.machine, pinLimit: 0 } })],
];

describe('the invariants of the spec', () => {
  test('hold while nothing is damaged', () => {
    expect(violatedInvariant(mapped())).toBeUndefined();
  });

  test.each(damages)('[%s] is violated where %s', (id, _what, damage) => {
    const state = damage(mapped());
    const [invariant] = invariants.filter((candidate) => candidate.id === id);
    expect([...(invariant?.violations(state) ?? [])]).not.toEqual([]);
    expect(violatedInvariant(state)).toBeDefined();
  });

  test('are each violated by some damage', () => {
    const damaged = new Set(damages.map(([id]) => id));
    expect([...damaged].toSorted()).toEqual(invariants.map(({ id }) => id).toSorted());
  });
});

describe('[E7] what is left', () => {
  const everybodyDying = (state: State): State =>
    [d1, d2, DomainId(3)].reduce(
      (s, id) => inDomain(s, id, () => ({ dying: true, tornDown: true })),
      state,
    );

  test('is nothing to ask about while somebody lives', () => {
    expect(leftover(mapped(), 4)).toBeUndefined();
  });

  test('is named where a domain or a page outlives the last domain', () => {
    const state = everybodyDying(mapped());
    expect(leftover(state, 4)).toMatchObject({ claim: 'E7', line: 4, path: 'domains' });
    expect(leftover(state, 4)?.actual).toMatch(/^d1, d2, d3, page /);
    const pagesOnly = [d1, d2, DomainId(3)].reduce(
      (s, id) => ({ ...s, domains: drop(s.domains, id) }),
      state,
    );
    expect(leftover(pagesOnly, 4)?.actual).toMatch(/^page /);
  });

  test('is nothing where all is gone', () => {
    const state = [d1, d2, DomainId(3)].reduce(
      (s, id) => ({ ...s, domains: drop(s.domains, id) }),
      mapped(),
    );
    expect(leftover({ ...state, pages: undefined }, 4)).toBeUndefined();
  });
});
