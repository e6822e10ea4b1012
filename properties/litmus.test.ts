import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Paging } from '../abi/machine.js';
import type { Program } from '../abi/program.js';
import { parseTrace } from '../counterexamples/parse.js';
import { printTrace } from '../counterexamples/print.js';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { projectRoot } from './faulted.js';
import { ours, subjectsOf } from './our-subject.js';
import { run } from './run.js';
import { specAnswers } from './spec-answers.js';

const folder = join(projectRoot(), 'model/examples/litmus');
const names: readonly string[] = readdirSync(folder).filter((name) => name.endsWith('.trace'));
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** A name that ends in a kind of paging is played with that one, any other with both. */
const kindsOf = (name: string): readonly Paging[] => {
  const kinds: readonly Paging[] = ['shadow', 'hap'];
  const named = kinds.filter((paging) => name.endsWith(`-${paging}.trace`));
  return named.length === 0 ? kinds : named;
};

const rows = names.flatMap((name) => kindsOf(name).map((paging) => [name, paging] as const));

const played = (program: Program, paging: Paging): Program => {
  return { ...program, machine: { ...program.machine, paging } };
};

/** A hypervisor that remembers as little as it can. */
const plain = subjectsOf(
  { Hypervisor, observe },
  { tlb: false, outOfSync: false, prefetch: false, splinterCache: false, p2mCache: false },
);

describe('a litmus story', () => {
  test.each(names)('%s is as the printer prints it', (name) => {
    expect(printTrace(parseTrace(textOf(name), name))).toBe(textOf(name));
  });

  test.each(rows)('%s (%s): its right column is all that the spec allows', (name, paging) => {
    const { program, expectations } = parseTrace(textOf(name), name);
    expect(specAnswers(played(program, paging), expectations)).toEqual(expectations);
  });

  test.each(rows)('[E1] %s (%s) agrees on the hypervisor', (name, paging) => {
    const { program } = parseTrace(textOf(name), name);
    for (const make of [ours, plain]) {
      const verdict = run(played(program, paging), make);
      expect(verdict).toEqual({ verdict: 'agree', lines: program.lines.length });
    }
  });

  test.each(names)(
    '%s says what is allowed, by which rules, and has a line in the README',
    (name) => {
      const { story } = parseTrace(textOf(name), name);
      const readme = readFileSync(join(folder, 'README.md'), 'utf8');
      expect(story.text.join(' ')).toMatch(/[Aa]llowed.*\[[A-Z]\d+(\.\d+)?\]/);
      expect(readme).toContain(`- \`${name}\`: ${story.text[0] ?? '?'}\n`);
    },
  );

  test('there are thirty-two, those that differ by paging in two files', () => {
    const numbers = new Set(names.map((name) => name.slice(0, 2)));
    expect([...numbers].toSorted()).toEqual(
      Array.from({ length: 32 }, (_, i) => String(i + 1).padStart(2, '0')),
    );
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(readme.match(/^- `/gm)).toHaveLength(names.length);
  });
});

describe('the walls of 2007', () => {
  const walls = ['thread-2007-wall-1', 'thread-2007-wall-2', 'thread-2007-wall-3'];
  const kinds: readonly Paging[] = ['shadow', 'hap'];
  const both = walls.flatMap((name) => kinds.map((paging) => [name, paging] as const));

  test.each(both)('[E1] %s (%s): spec and hypervisor answer as told', (name, paging) => {
    const text = readFileSync(join(folder, `../${name}.trace`), 'utf8');
    const { program, expectations } = parseTrace(text, name);
    const made = played(program, paging);
    expect(specAnswers(made)).toEqual(expectations);
    expect(run(made, ours)).toEqual({ verdict: 'agree', lines: program.lines.length });
  });
});
