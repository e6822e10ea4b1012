import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTrace } from '../counterexamples/parse.js';
import { printTrace } from '../counterexamples/print.js';
import { requiredFields, type Trace } from '../counterexamples/trace.js';
import { canonical } from './canonical.js';
import { faultedSubjects, projectRoot } from './faulted.js';
import { identityOf } from './identity.js';
import type { Killer } from './killer.js';
import { killers } from './killers.js';
import { knownFault } from './known-faults.js';
import { ours } from './our-subject.js';
import { specAnswers } from './report.js';
import { run } from './run.js';
import { isFailure } from './verdict.js';

const folder = join(projectRoot(), 'counterexamples');
const names: readonly string[] = readdirSync(folder).filter((name) => name.endsWith('.trace'));
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');
const traceOf = (name: string): Trace => parseTrace(textOf(name), name);

const table: readonly (readonly [id: string, killer: Killer])[] = Object.entries(killers);
const named = table.map(([id, killer]) => ({ id, ...killer }));
const fates = named.map((row) => [row.counterexample, row.id, row.by, row] as const);

describe('a counterexample', () => {
  test.each(names)(
    '%s is as the printer prints it, its right column what the spec answers',
    (name) => {
      const trace = traceOf(name);
      const { program, expectations } = trace;
      const answers = specAnswers(program, expectations);
      expect(printTrace({ ...trace, expectations: answers })).toBe(textOf(name));
      expect(canonical(program)).toEqual(program);
    },
  );

  test.each(names)(
    '%s tells what it broke, where it was found and mended, how it was missed',
    (name) => {
      const { story } = traceOf(name);
      expect(story.text.length).toBeGreaterThan(2);
      for (const field of requiredFields) expect(story[field] ?? '').not.toBe('');
      expect(story.broke).toMatch(/\[[A-Z][0-9.]+\]/);
    },
  );

  test.each(names)('[E1] %s agrees on the hypervisor', (name) => {
    const { program } = traceOf(name);
    expect(run(program, ours)).toEqual({ verdict: 'agree', lines: program.lines.length });
  });

  test.each(fates)('%s fails where %s is, as %s', async (_name, _id, _by, row) => {
    const { program, story } = traceOf(`${row.counterexample}.trace`);
    const fault = knownFault(row.id);
    const verdict = run(program, await faultedSubjects(fault));
    expect(isFailure(verdict) ? identityOf(verdict) : verdict).toBe(row.by);
    expect(program.lines).toHaveLength(row.shrinksTo);
    expect([story.kin, story.fixed]).toEqual([`${fault.kin}.`, fault.changes[0]?.file]);
  });
});

describe('the README', () => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');

  test.each(names)('has a line for %s', (name) => {
    expect(readme).toContain(`- \`${name}\`: ${traceOf(name).story.text[0] ?? '?'}\n`);
  });

  test('names no counterexample that is not there, and every fault has one', () => {
    const listed = [...readme.matchAll(/^- `([^`]+\.trace)`:/gm)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(names));
    expect(names).toEqual(
      expect.arrayContaining(named.map(({ counterexample }) => `${counterexample}.trace`)),
    );
  });
});
