import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, GrantRef } from '../../abi/ids.js';
import { theDomain, withDomain } from '../../model/derived.js';
import { PageId, type Domain, type Mapping, type State } from '../../model/state.js';
import { put } from '../../values/keyed.js';
import { openedState } from './opening.js';
import { unchanged } from './renaming.js';
import { Shapes } from './shapes.js';
import { boundOf } from './testing/searched.js';

const state = openedState(boundOf('grants'));
const domain = theDomain(state, DomainId(1));
const page = domain.sharedInfo;
const mapping: Mapping = {
  granter: DomainId(2),
  ref: GrantRef(1),
  page,
  readonly: false,
  host: true,
  device: false,
  byEntry: false,
};

const shapeOf = (shapes: Shapes, of: State): number => shapes.standingOf(of).shape;
const tables = (isByPlace: boolean): Shapes =>
  new Shapes(state.machine, 16, { linears: [], isByPlace }, [unchanged]);

/** Something else than it was. */
function altered(field: string, value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (value === undefined) return 1;
  throw new Error(`${field} is a new kind of field: say here how it is altered`);
}

/** Fields that are no plain values. */
const others: Partial<Domain> = {
  p2m: put(domain.p2m, 30, { type: 'ram_rw', page }),
  tables: put(domain.tables, 99, true),
  believedGfns: put(domain.believedGfns, page, Gfn(3)),
  onDemand: put(domain.onDemand, 3, true),
  kept: [page],
  demands: domain.demands.map(() => Gfn(3)),
  sweptTo: [...domain.sweptTo, Gfn(7)],
  sharedInfo: domain.grantFrames[0] ?? page,
  grantFrames: [...domain.grantFrames, page],
  statusFrames: [page],
  mappings: put(domain.mappings, 0, mapping),
};

describe('the text of a state', () => {
  test.each([true, false])('forgets no field of a domain (by place: %s)', (isByPlace) => {
    const shapes = tables(isByPlace);
    const known = shapeOf(shapes, state);
    const told = new Map<string, unknown>(Object.entries(others));
    for (const [field, value] of Object.entries(domain)) {
      if (['id', 'vcpus', 'loggedSince'].includes(field)) continue;
      const other = told.has(field) ? told.get(field) : altered(field, value);
      const changed = { ...domain, ...Object.fromEntries([[field, other]]) };
      const shape = shapeOf(shapes, withDomain(state, changed));
      expect([field, shape === known]).toEqual([field, false]);
    }
  });

  test('forgets no field of a vcpu, and no page', () => {
    const shapes = tables(true);
    const known = shapeOf(shapes, state);
    const [vcpu] = domain.vcpus;
    if (vcpu === undefined) throw new Error('there is no vcpu');
    const fields = { cr3: { low: 4096, high: 0 }, pdptes: [{ low: 1, high: 0 }], root: page };
    for (const [field, value] of Object.entries(vcpu)) {
      if (['past', 'pending'].includes(field)) continue;
      const other =
        Object.entries(fields).find(([name]) => name === field)?.[1] ?? altered(field, value);
      const vcpus = [{ ...vcpu, ...Object.fromEntries([[field, other]]) }];
      const changed = withDomain(state, { ...domain, vcpus });
      expect([field, shapeOf(shapes, changed) === known]).toEqual([field, false]);
    }
    const more = { owner: domain.id, use: 'ram', allocated: true } as const;
    const pages = put(state.pages, 90, { ...more, content: undefined, frame: undefined });
    expect(shapeOf(shapes, { ...state, pages })).not.toBe(known);
    expect(
      shapeOf(shapes, {
        ...state,
        pages: put(pages, PageId(91), {
          ...more,
          allocated: false,
          content: undefined,
          frame: undefined,
        }),
      }),
    ).not.toBe(known);
  });
});
