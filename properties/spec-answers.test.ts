import { describe, expect, test } from 'vitest';
import { presets } from '../abi/machine.js';
import { parseTrace } from '../counterexamples/parse.js';
import { printTrace } from '../counterexamples/print.js';
import { seeded } from './choose.js';
import { ours } from './our-subject.js';
import { madeUp } from './programs.js';
import { traceText } from './report.js';
import { run } from './run.js';
import { specAnswers } from './spec-answers.js';

const program = madeUp(seeded('answers'), {
  machine: presets.small,
  emphasis: 'all',
  lines: 300,
});

describe('the right column', () => {
  const trace = parseTrace(
    `xenolith-trace 1
machine small
0  d1  load  at=0x0 u32  only 0x00000001
1  d1  load  at=0x0 u32  0x00000000
2  d1  load  at=0x0 u32
`,
    'a.trace',
  );

  test('lists all that is allowed where it is asked to', () => {
    expect(specAnswers(trace.program, trace.expectations)).toEqual([
      'only 0x00000000',
      '0x00000000',
      '0x00000000',
    ]);
    expect(specAnswers(trace.program)).toEqual(Array.from({ length: 3 }, () => '0x00000000'));
  });
});

describe('a printed program', () => {
  test('has what the model answers in its right column, and runs as before when read again', () => {
    const text = traceText(program);
    const trace = parseTrace(text, 'made-up.trace');
    expect(trace.program).toEqual(program);
    expect(trace.expectations).toEqual(specAnswers(program));
    expect(printTrace(trace)).toBe(text);
    expect(run(trace.program, ours)).toEqual({ verdict: 'agree', lines: program.lines.length });
  });
});
