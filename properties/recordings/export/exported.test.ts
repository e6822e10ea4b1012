import { describe, expect, test } from 'vitest';
import { emphasisNames } from '../../generate/emphasis.js';
import { decodeRecording, type RecordedTrace } from '../decode.js';
import { recordingText } from '../recording-text.js';
import { stepsMeant, translate } from '../translate.js';
import { exportedProgram } from './exported.js';
import { poolBytes, rigMachine } from './rig-machine.js';
import { seeded } from '../../choose.js';

/** A program as if each step had been recorded: nobody is there to answer. */
function recorded(seed: string, emphasis = emphasisNames[0] ?? 'all'): RecordedTrace {
  const { domains, steps } = exportedProgram('t', seed, emphasis);
  if (!Array.isArray(steps) || typeof domains !== 'object' || domains === null)
    throw new Error('no program');
  const answered = steps.map((step: object) => ({ ...step, '=>': { xport: 'no_domain' } }));
  const [trace] = decodeRecording(recordingText(answered, domains), 'a.json').traces;
  if (trace === undefined) throw new Error('no trace');
  return trace;
}

describe('an exported program', () => {
  test('is the same for the same seed', () => {
    expect(exportedProgram('t', 'a', 'all')).toEqual(exportedProgram('t', 'a', 'all'));
    expect(exportedProgram('t', 'a', 'all')).not.toEqual(exportedProgram('t', 'b', 'all'));
  });

  test.each(emphasisNames)('about %s is judged to its end once it is recorded', (emphasis) => {
    for (const seed of ['a', 'b', 'c']) {
      const trace = recorded(seed, emphasis);
      const { obstacle, results } = translate(trace);
      expect(obstacle).toBeUndefined();
      expect(results).toHaveLength(trace.steps.length);
      expect(results.filter((result) => 'notBuilt' in result)).toEqual([]);
    }
  });

  test('has every kind of operation, sooner or later', () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 12; seed++)
      for (const { operation } of recorded(String(seed)).steps) kinds.add(operation);
    for (const kind of 'map unmap copy swap setup_table query_size set_version'.split(' '))
      expect(kinds).toContain(`gnt.${kind}`);
    for (const kind of 'populate decrease add addbatch remove exchange'.split(' '))
      expect(kinds).toContain(`mem.${kind}`);
    for (const kind of 'create destroy dominfo p2m maxmem memtype mapforeign unmapwin hypercall read write exec gt.write'.split(
      ' ',
    ))
      expect(kinds).toContain(kind);
  });

  test('leaves the pages of the rig alone', () => {
    for (let seed = 0; seed < 6; seed++)
      for (const { operation, arguments: args } of recorded(String(seed)).steps) {
        const gfn = args.has('gfn') ? args.quantity('gfn') : 0n;
        expect(`${operation} ${gfn >= 0x100n && gfn < 0x140n}`).toBe(`${operation} false`);
      }
  });
});

test('a machine of the rig says its pool in bytes', () => {
  const machine = rigMachine(seeded('a'));
  expect(poolBytes({ ...machine, p2mTableFrames: 501 })).toBe(2 * 1024 * 1024);
});

test('what the rig has no step for means nothing', () => {
  expect(stepsMeant({ op: 'gtinfo', d: 1, set: { v: 2 } })).toBeUndefined();
  expect(stepsMeant({ op: 'read', d: 1, addr: 0xfee0_0000, size: 8 })).toBeUndefined();
  expect(stepsMeant({ op: 'dominfo', dom: 1 })).toEqual([{ op: 'domain_info', domain: 1 }]);
});
