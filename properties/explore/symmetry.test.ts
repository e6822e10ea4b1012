import { describe, expect, test } from 'vitest';
import type { Page, State } from '../../model/state.js';
import { entries } from '../keyed-entries.js';
import { run } from '../run.js';
import { ours } from '../our-subject.js';
import { renamedTable } from './acted.js';
import { composed, domainBy, gfnBy, inverse, refBy, renamings, type Renaming } from './renaming.js';
import { depthsOf } from './report.js';
import { boundOf, searched } from './testing/searched.js';
import { wayTo } from './way-to.js';

/**
 * A state under other names with no numbers for pages at all: each page is told by what is in it, whose it
 * is, and every place that it is at. Written down in another way than the search does it.
 */
function picture(state: State, by: Renaming): string {
  const domains = entries(state.domains).map(([, domain]) => {
    const { id, crashed, dying, tornDown, vcpus, grantFrames } = domain;
    const keeps = vcpus.map(({ keepsHandle }) => keepsHandle);
    return [domainBy(by, id), crashed, dying, tornDown, keeps, grantFrames.length];
  });
  const pages = entries(state.pages).map(([name, page]) => {
    const places = entries(state.domains).flatMap(([, domain]) => {
      const { id, p2m, mappings, believedGfns } = domain;
      const of = domainBy(by, id);
      return [
        ...entries(p2m).flatMap(([gfn, entry]) =>
          entry.page === name ? [`${of} ${gfnBy(by, id, gfn)} ${entry.type}`] : [],
        ),
        ...entries(mappings).flatMap(([, { page: mapped, granter, ref, readonly }]) =>
          mapped === name
            ? [`${of} maps ${domainBy(by, granter)} ${refBy(by, granter, ref)} ${readonly}`]
            : [],
        ),
        ...entries(believedGfns).flatMap(([believed, gfn]) =>
          believed === name ? [`${of} believes ${gfnBy(by, id, gfn)}`] : [],
        ),
        ...(domain.sharedInfo === name ? [`${of} info`] : []),
        ...domain.grantFrames.flatMap((frame, i) => (frame === name ? [`${of} table ${i}`] : [])),
      ];
    });
    const content = contentBy(page, by, state);
    return JSON.stringify([
      domainBy(by, page.owner),
      page.use,
      page.allocated,
      places.toSorted(),
      content,
    ]);
  });
  return JSON.stringify([domains.map((one) => JSON.stringify(one)).toSorted(), pages.toSorted()]);
}

function contentBy(page: Page, by: Renaming, { machine }: State): readonly number[] {
  const content =
    page.use === 'grant_frame' ? renamedTable(page.content, page.owner, by, machine) : page.content;
  return (content ?? []).flatMap((words, i) =>
    (words ?? []).flatMap((word, at) => (word === 0 ? [] : [i * 32 + at, word])),
  );
}

describe('symmetry', () => {
  test.each([
    ['loan', 4],
    ['grants', 3],
    ['contents', 2],
  ])('in %s to depth %i makes one state of each orbit, by brute force', (name, depth) => {
    const { symmetry, machine } = boundOf(name);
    const names = renamings(symmetry, machine.domains);
    const concrete = searched(name, false, depth);
    const orbits: Set<string>[] = [];
    const known = new Set<string>();
    let index = 0;
    const depths = depthsOf(concrete);
    for (const [at, count] of depths.entries()) {
      orbits[at] = new Set();
      for (const end = index + count; index < end; index++) {
        const { visited, shapes } = concrete;
        const state = shapes.stateOf(visited.shapes.at(index), visited.memories.at(index));
        const least = names.map((by) => picture(state, by)).toSorted()[0] ?? '';
        if (!known.has(least)) orbits[at].add(least);
        known.add(least);
      }
    }
    expect(depthsOf(searched(name, true, depth))).toEqual(orbits.map(({ size }) => size));
  });

  test('has witnesses: the program to a state leads to it, by concrete names, on both systems', () => {
    const search = searched('grants', true, 4);
    for (let index = 0; index < search.visited.count; index += 37) {
      const { course } = wayTo(search, index);
      expect(run(course.program, ours, { stride: 0, atEnd: false }).verdict).toBe('agree');
      const { shape, patch } = search.shapes.standingOf(course.state);
      const memory = search.shapes.patches.applied(patch, 0);
      expect(search.visited.indexOf(shape, memory)).toBe(index);
    }
  });

  test('renamings are a group: each has an inverse, and two one after the other are one of them', () => {
    const all = renamings({ domains: true, gfns: [[1, 2, 3]], refs: [[1, 2]] }, 2);
    const [none] = all;
    const texts = new Set(all.map((one) => JSON.stringify(one)));
    expect(texts.size).toBe(2 * 12 * 12);
    for (const one of all.filter((_, i) => i % 17 === 0)) {
      expect(composed(one, inverse(one))).toEqual(none);
      for (const other of all.filter((_, i) => i % 23 === 0))
        expect(texts).toContain(JSON.stringify(composed(one, other)));
    }
  });
});
