import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { leavings } from '../abi/leavings.js';
import { refusals, rules } from '../abi/rules.js';
import { principles } from './testing/scenario.js';

const ruleIds = Object.keys(rules);
const refusalIds = Object.keys(refusals);
const known = new Set([...ruleIds, ...refusalIds]);

const folder = import.meta.dirname;
const textOf = (path: string): string => readFileSync(path, 'utf8');

/** Paths of the files below a folder, by the end of their names. */
const filesOf = (of: string, ending: string): readonly string[] => {
  const names: readonly string[] = readdirSync(of, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith(ending) && !name.startsWith('testing'))
    .map((name) => join(of, name));
};

const spec = filesOf(folder, '.ts').filter((path) => !path.endsWith('.test.ts'));
const source = spec.map(textOf).join('\n');
const comments = [...source.matchAll(/\/\*\*.*?\*\/|\/\/[^\n]*/gs)]
  .map(([text]) => text)
  .join('\n');

/** What tests of the spec say in quotes on one line, the titles among it; comments say nothing. */
const quoted = filesOf(folder, '.test.ts')
  .map((path) => textOf(path).replaceAll(/\/\*.*?\*\/|^\s*\/\/[^\n]*/gms, ''))
  .flatMap((text) => [...text.matchAll(/(['`])((?:(?!\1)[^\n])*)\1/g)].map(([found]) => found));

const bracketed = (text: string): readonly string[] =>
  [...text.matchAll(/\[([GPADWTCBHM]\d+(?:\.\d+)?)\]/g)].map(([, id]) => id ?? '');
const literals = [...source.matchAll(/'([GPADWTCBHM]\d+(?:\.\d+)?)'/g)].map(([, id]) => id ?? '');

/** The rows of the table below a heading of the README, cell by cell. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const readme = textOf(join(folder, 'README.md'));
  const section = readme.slice(readme.indexOf(`\n## ${heading}\n`)).split('\n## ')[1] ?? '';
  const rows = section.split('\n').filter((line) => /^\| [GPADWTCBHM]\d/.test(line));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

describe('the rules of the spec', () => {
  test('the README has every rule in its words, and the file whose comment it is', () => {
    const rows = tableBelow('Rules');
    expect(rows.map(([id, sentence]) => [id, sentence])).toEqual(Object.entries(rules));
    for (const [id = '', , file = ''] of rows)
      expect(bracketed(textOf(join(folder, file.replaceAll('`', ''))))).toContain(id);
  });

  test('the README has every refusal with its answer, when it is given, and what it leaves', () => {
    const left = new Map<string, string>(Object.entries(leavings));
    const expected = Object.entries(refusals).map(([id, [answer, when]]) => [
      id,
      answer,
      when,
      left.get(id) ?? '',
    ]);
    expect(tableBelow('Refusals')).toEqual(expected);
  });

  test('a comment of the spec speaks of every rule, and of no unknown one', () => {
    const spoken = new Set(bracketed(comments));
    expect(ruleIds.filter((id) => !spoken.has(id))).toEqual([]);
    expect([...spoken].filter((id) => !known.has(id))).toEqual([]);
  });

  test('every refusal is made in one place, and none is made that is unknown', () => {
    const made = literals.filter((id) => id.includes('.'));
    expect(made.toSorted()).toEqual(refusalIds.toSorted());
  });

  test('every rule but the principles is an outcome, and no other is', () => {
    const outcomes = new Set(literals.filter((id) => !id.includes('.')));
    const expected = ruleIds.filter((id) => !principles.some((each) => each === id));
    expect([...outcomes].toSorted()).toEqual(expected.toSorted());
  });

  test('a title of a test of the spec speaks of every rule and of every refusal', () => {
    const titles = new Set(quoted.flatMap(bracketed));
    const missing = [...known].filter((id) => !titles.has(id));
    expect(missing).toEqual([]);
  });

  test('a test of the spec speaks of no unknown rule', () => {
    const titles = bracketed(filesOf(folder, '.test.ts').map(textOf).join('\n'));
    expect(titles.filter((id) => !known.has(id))).toEqual([]);
  });

  test('a refusal belongs to a rule, and the refusals of a rule are numbered from 1', () => {
    for (const id of ruleIds) {
      const own = refusalIds.filter((refusal) => refusal.startsWith(`${id}.`));
      const numbered = own.map((_, index) => `${id}.${index + 1}`);
      expect(own.toSorted()).toEqual(numbered.toSorted());
    }
    expect(refusalIds.filter((id) => !ruleIds.includes(id.replace(/\..*/, '')))).toEqual([]);
  });
});
