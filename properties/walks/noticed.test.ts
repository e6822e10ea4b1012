import { describe, expect, test } from 'vitest';
import type { Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import type { Disagreement } from './case-report.js';
import { guestUnder } from './hypervisor-target.js';
import type { RecordedStep, WalkCase } from './recorded-case.js';
import { on, replayerOf, replayFile, subjects } from './replay.js';
import type { WalkTarget } from './target.js';
import { casesNamed, recordedFile, recordedNames } from './testing/recorded-files.js';

const replayOn = {
  spec: replayerOf('spec'),
  hardware: replayerOf('hardware'),
  shadow: replayerOf('shadow'),
  hap: replayerOf('hap'),
};

/** Another answer of the same kind. */
function altered(answer: string): string {
  if (answer === 'ok') return '#GP';
  if (answer === '#GP') return 'ok';
  const fault = /^#PF 0x(\w+) at (.*)$/.exec(answer);
  if (fault !== null)
    return `#PF 0x${(parseInt(fault[1] ?? '', 16) ^ 2).toString(16)} at ${fault[2]}`;
  return answer.endsWith('0') ? answer.replace(/0$/, '1') : answer.replace(/.$/, '0');
}

/** The same case with another answer to one step, that is not disputed. */
const withAnswer = (one: WalkCase, index: number): WalkCase => ({
  ...one,
  steps: one.steps.map((step, i): RecordedStep =>
    i === index
      ? { ...step, recorded: { ...step.recorded, fact: altered(step.recorded.fact) } }
      : step,
  ),
});

const isCertain = ({ recorded: { isLoose, dispute, fact } }: RecordedStep): boolean =>
  !isLoose && dispute === undefined && fact !== 'value any';

describe('an answer that was not recorded is noticed where it stands', () => {
  test.each(recordedNames.filter((name) => name !== 'pke'))(
    'in one case of several in %s',
    (name) => {
      const { cases } = recordedFile(name);
      let count = 0;
      for (const one of cases.filter(
        (_, i) => i % Math.max(3, Math.floor(cases.length / 12)) === 0,
      )) {
        const index = one.steps.findLastIndex(isCertain);
        if (index < 0) continue;
        const wrong = withAnswer(one, index);
        const places = subjects.map((subject) =>
          replayOn[subject](name, wrong).disagreements.map(placeOf),
        );
        expect(places).toEqual(subjects.map(() => [`step ${index}`]));
        count++;
      }
      expect(count).toBeGreaterThanOrEqual(2);
    },
  );

  test('in one with protection keys, which shadow paging lacks', () => {
    const [one] = casesNamed('pke', 'wp1');
    if (one === undefined) throw new Error('a case');
    const index = one.steps.findLastIndex(isCertain);
    const wrong = withAnswer(one, index);
    for (const subject of ['spec', 'hardware', 'hap'] as const)
      expect(replayOn[subject]('pke', wrong).disagreements.map(placeOf)).toEqual([`step ${index}`]);
  });
});

const placeOf = ({ where }: Disagreement): string => where.replace(/: .*$/, '');

describe('memory that was not recorded is noticed in the end', () => {
  const [first] = recordedFile('ad').cases;

  test.each([
    ['an accessed bit', 0x20],
    ['a dirty bit', 0x40],
    ['a frame', 0x1000],
  ])('%s of an entry', (_, bit) => {
    if (first === undefined) throw new Error('a case');
    const at = first.after.findIndex(({ dispute }) => dispute === undefined);
    const after = first.after.map((end, i) =>
      i === at ? { ...end, fact: { ...end.fact, low: (end.fact.low ^ bit) >>> 0 } } : end,
    );
    for (const subject of subjects) {
      const { disagreements } = replayOn[subject]('ad', { ...first, after });
      const address = `0x${after[at]?.address.toString(16)}`;
      expect(disagreements.map(({ where }) => where)).toEqual([`in the end: entry at ${address}`]);
    }
  });

  test('a dword that was written, and one that was not', () => {
    if (first === undefined) throw new Error('a case');
    const [written] = first.writes.dwords.keys();
    if (written === undefined) throw new Error('a write');
    const writes = { ...first.writes, dwords: new Map([...first.writes.dwords].slice(1)) };
    for (const subject of subjects) {
      const { disagreements } = replayOn[subject]('ad', { ...first, writes });
      expect(disagreements.map(({ where }) => where)).toEqual([
        `in the end: dword at 0x${written.toString(16)}`,
      ]);
    }
  });
});

/** A guest under nested paging that is wrong in one way. */
interface Wrong {
  readonly adjusted?: (machine: Machine) => Machine;
  readonly perform?: (step: Step, right: (step: Step) => Reply) => Reply;
  readonly dwordAt?: (address: number, right: number) => number;
}
const wrongly = ({ adjusted, perform, dwordAt }: Wrong): WalkTarget => {
  const right = guestUnder('hap');
  return {
    name: 'wrong',
    adjusted: adjusted ?? ((machine) => right.adjusted(machine)),
    open(machine, config) {
      const session = right.open(right.adjusted(machine), config);
      const performed = (step: Step): Reply => session.perform(step);
      return {
        perform: (step) => (perform === undefined ? performed(step) : perform(step, performed)),
        dwordAt: (address) =>
          dwordAt?.(address, session.dwordAt(address)) ?? session.dwordAt(address),
        audit: () => session.audit(),
      };
    },
  };
};

const disagreements = (name: string, wrong: Wrong): readonly Disagreement[] =>
  replayFile(recordedFile(name), on(wrongly(wrong))).disagreements;

const DONE: Reply = { is: 'done' };

describe('a target that is wrong disagrees', () => {
  test('when INVLPG forgets nothing', () => {
    const found = disagreements('tlb-2-level', {
      perform: (step, right) => (step.op === 'invlpg' ? DONE : right(step)),
    });
    expect(found.length).toBeGreaterThan(5);
    expect(found.every(({ case: name }) => name.includes('invlpg'))).toBe(true);
  });

  test('when a load of CR3 with the same value does nothing', () => {
    let before = -1;
    const found = disagreements('tlb-pae', {
      perform(step, right) {
        if (step.op !== 'cr3' || step.value.low !== before) {
          if (step.op === 'cr3') before = step.value.low;
          if (step.op === 'cr0') before = -1;
          return right(step);
        }
        return DONE;
      },
    });
    expect(found.length).toBeGreaterThan(5);
  });

  test('when a loose answer is one that no walk ever gave', () => {
    const found = disagreements('tlb-4-level', {
      perform(step, right) {
        const reply = right(step);
        if (step.op !== 'load_linear' || reply.is !== 'value') return reply;
        return { is: 'value', value: { low: (reply.value.low ^ 0x100) >>> 0, high: 0 } };
      },
    });
    expect(found.some(({ expected }) => expected.startsWith('one of '))).toBe(true);
  });

  test('when the write bit is missing in error codes', () => {
    const found = disagreements('perm-pae', {
      perform(step, right) {
        const reply = right(step);
        return reply.is === 'page_fault' ? { ...reply, code: reply.code & ~2 } : reply;
      },
    });
    expect(found.length).toBeGreaterThan(20);
  });

  test('when something is written that no step comes to', () => {
    const found = disagreements('superpage', {
      dwordAt: (address, right) => ((address & 0xfff) === 0x7f4 && right === 0 ? 1 : right),
    });
    expect(found.some(({ expected }) => expected.includes('no step comes to it'))).toBe(true);
  });

  test('when it has the features that it says it lacks', () => {
    const adjusted = (machine: Machine): Machine => ({ ...machine, paging: 'shadow' });
    const gib = disagreements('superpage', { adjusted });
    expect(gib.some(({ expected }) => expected.startsWith('one of #PF'))).toBe(true);
    const keys = disagreements('pke', { adjusted });
    expect(keys.map(({ where }) => where)).toContain('CR4.PKE');
  });

  test('when it throws, which ends the case', () => {
    const found = disagreements('canon', {
      perform(step, right) {
        if (step.op === 'fetch_linear') throw new Error('an assertion');
        return right(step);
      },
    });
    expect(found).toContainEqual(
      expect.objectContaining({ where: 'the target broke', got: 'threw an assertion' }),
    );
  });
});
