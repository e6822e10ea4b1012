import { describe, expect, test } from 'vitest';
import { faultedSubjects } from '../faulted.js';
import { identityOf } from '../identity.js';
import { grantKillers } from '../killers-of-grants.js';
import { knownFault } from '../known-faults.js';
import { ours } from '../our-subject.js';
import { run } from '../run.js';
import { isFailure } from '../verdict.js';
import { OnSystem, type Disagreement } from './on-system.js';
import { boundOf, searched } from './testing/searched.js';

const planOf = (name: string, isSymmetric: boolean, depth: number) => ({
  bound: boundOf(name),
  isSymmetric,
  depth,
  states: Infinity,
});

describe('the hypervisor', () => {
  test.each([
    ['loan', true, 2, 140, 122],
    ['loan', false, 1, 20, 20],
    ['grants', true, 1, 44, 26],
    ['contents', true, 1, 60, 40],
    ['shadows', true, 3, 286, 225],
  ])('agrees in every act of %s (symmetry: %s) to depth %i', (...row) => {
    const [name, isSymmetric, depth, tried, changes] = row;
    const system = new OnSystem(planOf(name, isSymmetric, depth), ours);
    expect(system.run(Infinity)).toBeUndefined();
    expect([system.tried, system.changes]).toEqual([tried, changes]);
  });

  test.each([
    ['loan', 2],
    ['grants', 1],
  ])('comes to every state of %s that the spec has to depth %i', (name, depth) => {
    const system = new OnSystem(planOf(name, true, depth), ours);
    system.run(Infinity);
    expect(system.states).toBe(searched(name, true, depth).visited.count);
  });

  test('is gone on with where it was left', () => {
    const whole = new OnSystem(planOf('loan', true, 2), ours);
    whole.run(Infinity);
    const first = new OnSystem(planOf('loan', true, 2), ours);
    first.run(3);
    const then = new OnSystem(planOf('loan', true, 2), ours);
    then.restore(JSON.parse(JSON.stringify(first.checkpoint())));
    expect(then.run(Infinity)).toBeUndefined();
    expect(then.checkpoint()).toEqual(whole.checkpoint());
  });
});

describe('a fault', () => {
  const found = async (fault: string, name: string, isSymmetric: boolean) => {
    const make = await faultedSubjects(knownFault(fault));
    const system = new OnSystem(planOf(name, isSymmetric, 5), make);
    return { make, disagreement: system.run(Infinity) };
  };
  const acts = ({ program }: Disagreement, name: string): readonly string[] =>
    program.lines.slice(boundOf(name).opening.length).map(({ op }) => op);

  test.each([
    ['moved-frame-stays', 'grants', ['add_to_physmap']],
    ['page-not-scrubbed', 'contents', ['store', 'decrease_reservation']],
    ['decrease-takes-grant-mapping', 'grants', ['grant', 'map', 'decrease_reservation']],
    ['readonly-mapping-takes-stores', 'contents', ['grant', 'map', 'store']],
  ] as const)('%s is found in %s by a program as short as it can be', async (...row) => {
    const [fault, name, operations] = row;
    const { make, disagreement } = await found(fault, name, true);
    if (disagreement === undefined) throw new Error(`${fault} was not found`);
    expect(acts(disagreement, name)).toEqual(operations);
    expect(disagreement.program.lines).toHaveLength(grantKillers[fault].shrinksTo);
    const again = run(disagreement.program, make);
    expect(isFailure(again) && identityOf(again)).toBe(identityOf(disagreement.failure));
  });

  test('of a shadow is found in shadows', async () => {
    const { disagreement } = await found('write-without-dirty', 'shadows', true);
    if (disagreement === undefined) throw new Error('it was not found');
    expect(acts(disagreement, 'shadows')).toEqual(['pte', 'load_linear', 'store_linear']);
    expect(identityOf(disagreement.failure)).toBe('violate E4 store_linear frame.content');
  });

  test('is found by as short a program without symmetry', async () => {
    const { disagreement } = await found('decrease-takes-grant-mapping', 'grants', false);
    expect(disagreement?.program.lines).toHaveLength(3);
  });
});
