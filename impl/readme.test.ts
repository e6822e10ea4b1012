import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { defaultOptions } from './options.js';
import { stopPoints } from './stop-points.js';

const here = new URL('.', import.meta.url);
const readme = readFileSync(new URL('README.md', here), 'utf8');

/** All product sources of this folder, one text. */
function sources(): string {
  const files: readonly string[] = readdirSync(here, { recursive: true, encoding: 'utf8' });
  const product = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  return product.map((file) => readFileSync(new URL(file, here), 'utf8')).join('\n');
}

/** First cells of the table rows under a heading. */
function rowsUnder(heading: string): string[] {
  const section = readme.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, cell]) => cell ?? '');
}

describe('the reading guide', () => {
  test('every function it names exists', () => {
    const text = sources();
    const names = [...readme.matchAll(/`(?:[A-Z]\w+\.)?([a-z]\w+)`/g)].map(
      ([, name]) => name ?? '',
    );
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });

  test('it lists every stop point and every option, and no others', () => {
    expect(rowsUnder('Stop points')).toEqual(Object.keys(stopPoints));
    expect(rowsUnder('Options')).toEqual(Object.keys(defaultOptions));
  });
});
