import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, GrantRef, GuestPhysical, VcpuId } from '../abi/ids.js';
import type { GrantLine, Program } from '../abi/program.js';
import type { MapGrant } from '../abi/step.js';
import { presets } from '../abi/machine.js';
import { parseTrace } from '../counterexamples/parse.js';
import { campaign } from './campaign.js';
import { canonical, fingerprint } from './canonical.js';
import { seeded } from './choose.js';
import { madeUp, programs } from './programs.js';
import { specAnswers } from './spec-answers.js';
import { run } from './run.js';
import { smaller } from './shrink/edits.js';
import { specSubject } from './spec-system.js';

const plan = { machine: presets.small, emphasis: 'all', lines: 150 } as const;
const made = (seed: string): Program => madeUp(seeded(seed), plan);
const few = { seed: 6, numRuns: 30 };

describe('generators', () => {
  test('the same seed is the same program, another seed another', () => {
    expect(made('a')).toEqual(made('a'));
    expect(made('a')).not.toEqual(made('b'));
  });

  test('every handle is named by an earlier map of the same domain', () => {
    fc.assert(
      fc.property(programs(), ({ lines }) => {
        for (const [index, line] of lines.entries()) {
          if (line.op !== 'unmap') continue;
          for (const { handle } of line.elements) {
            if (typeof handle === 'number') continue;
            expect(handle.line).toBeLessThan(index);
            expect(lines[handle.line]).toMatchObject({ op: 'map', caller: line.caller });
          }
        }
      }),
      few,
    );
  });

  test('[E7] a program of the model alone agrees with the model', () => {
    fc.assert(
      fc.property(programs(), (program) => {
        expect(run(program, specSubject)).toEqual({
          verdict: 'agree',
          lines: program.lines.length,
        });
      }),
      few,
    );
  });

  test('every rule and goal is reached, and every refusal that can be', async () => {
    const { coverage, found } = await campaign({
      seed: 'coverage',
      machine: presets.small,
      make: specSubject,
      lines: 150_000,
    });
    expect(found.map(({ identity, failure }) => [identity, failure.actual])).toEqual([]);
    expect(coverage.missedGoals().map(({ sentence }) => sentence)).toEqual([]);
    expect(coverage.missedRules()).toEqual([]);
    // What is left takes millions of lines; a long campaign names what it never reached.
    expect(coverage.missedRefusals().length).toBeLessThanOrEqual(8);
  });
});

describe('shrinking', () => {
  test('a smaller program has fewer lines, or fewer elements, or smaller numbers', () => {
    const program = madeUp(seeded('smaller'), { ...plan, lines: 12 });
    const size = (one: Program): number => JSON.stringify(one).length;
    const candidates = [...smaller(program, { pass: 0, at: 0 })].map((one) => one.program);
    for (const candidate of candidates) {
      expect(candidate).not.toEqual(program);
      expect(candidate.lines.length).toBeLessThanOrEqual(program.lines.length);
    }
    const shorter = candidates.filter(({ lines }) => lines.length < program.lines.length);
    for (const candidate of shorter) expect(size(candidate)).toBeLessThan(size(program));
    expect(candidates.length).toBeGreaterThan(100);
  });

  test('every smaller program still means something', () => {
    const program = madeUp(seeded('means'), { ...plan, lines: 20 });
    const candidates = [...smaller(program, { pass: 0, at: 0 })].filter((_, i) => i % 7 === 0);
    const verdicts = new Set(candidates.map((one) => run(one.program, specSubject).verdict));
    expect([...verdicts]).toEqual(['agree']);
  });
});

describe('canonical', () => {
  test('is the same program however often it is asked for', () => {
    fc.assert(
      fc.property(programs({ lines: 25 }), (program) => {
        const once = canonical(program);
        expect(canonical(once)).toEqual(once);
      }),
      few,
    );
  });

  test('is the same program whatever the domains, refs and gfns were called', () => {
    const [a, b] = [two(1, 2, 5, 3, 0x41), two(3, 1, 4, 6, 0x45)];
    expect(a).not.toEqual(b);
    expect(fingerprint(a)).toBe(fingerprint(b));
    expect(fingerprint(a)).not.toBe(fingerprint(two(1, 2, 5, 3, 0x20)));
  });

  test('[H5] machine frames keep their numbers, so that a program of the control domain means the same', () => {
    const { program } = parseTrace(ofControl, 'frames');
    const named = canonical(program);
    expect(named.lines.slice(0, 4)).toEqual(program.lines.slice(0, 4));
    expect(named.lines[4]).toEqual({ ...program.lines[4], gfn: 0x40 });
    expect(specAnswers(named)).toEqual(specAnswers(program));
  });
});

/** The control domain maps its table and its page 3, grants page 6, and gives page 5 up. */
const ofControl = `xenolith-trace 1
machine whole vcpus=1
domain d1
0  tool  map_foreign           w5 self:0x54 rw
1  tool  map_foreign           w6 self:0x3 rw
2  d0    grant                 ref=8 to=d1 gfn=0x6 rw table=0x805
3  d0    decrease_reservation  self gfns=0x5
4  tool  inspect_gfn           d1 gfn=0x45`;

/** One grant and one mapping of it, with these names. */
function two(granter: number, mapper: number, ref: number, gfn: number, at: number): Program {
  const grant: GrantLine = {
    op: 'grant',
    caller: DomainId(granter),
    vcpu: VcpuId(0),
    ref: GrantRef(ref),
    table: Gfn(0x20),
    version: 1,
    flags: 1,
    to: DomainId(mapper),
    frame: gfn,
    detail: { is: 'none' },
  };
  const map: MapGrant = {
    op: 'map',
    caller: DomainId(mapper),
    vcpu: VcpuId(0),
    elements: [
      {
        granter: DomainId(granter),
        ref: GrantRef(ref),
        address: GuestPhysical(at * 4096),
        flags: 2,
      },
    ],
  };
  return { ...made('two'), lines: [grant, map] };
}
