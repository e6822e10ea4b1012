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
