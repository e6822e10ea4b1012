import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTrace } from '../counterexamples/parse.js';
import { printTrace } from '../counterexamples/print.js';
import { perform } from './testing/scenario.js';

const folder = join(import.meta.dirname, 'examples');
const names: readonly string[] = readdirSync(folder);
const examples = names.filter((name) => name.endsWith('.trace'));

describe('the examples', () => {
  test.each(examples)('%s: its right column is what the spec answers', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const trace = parseTrace(text, name);
    const { answers } = perform(trace.program, [], trace.expectations);
    expect(printTrace({ ...trace, expectations: answers })).toBe(text);
  });

  test.each(examples)('%s: it tells a story, and has a line in the README', (name) => {
    const { story } = parseTrace(readFileSync(join(folder, name), 'utf8'), name);
    const readme: string = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(story.text.length).toBeGreaterThan(2);
    expect(readme).toContain(`- \`${name}\`: ${story.text[0]}\n`);
  });

  test('the README names no example that is not there', () => {
    const readme: string = readFileSync(join(folder, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/^- `([^`]+)`:/gm)].map(([, name]) => name ?? '');
    expect(named.toSorted()).toEqual(examples.toSorted());
  });
});
