import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The lines of the spec, each after the name of its file. */
const spec = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .flatMap((name) => {
    const lines = readFileSync(join(import.meta.dirname, name), 'utf8')
      .trimEnd()
      .split('\n');
    return lines.map((line) => `${name}: ${line}`);
  });

const lineWith = (pattern: RegExp): readonly string[] => spec.filter((line) => pattern.test(line));

describe('the spec', () => {
  test('says no word of an implementation', () => {
    expect(lineWith(/\b(shadow|tlb|cache|lock|spinlock|refcount|freelist)/i)).toEqual([]);
    expect(lineWith(/\b(chunk|evict|bitmap|mutex|semaphore|counter)/i)).toEqual([]);
    expect(lineWith(/\b(hash|lazy|lazily|preallocat|memoi|optimi[sz])/i)).toEqual([]);
    expect(lineWith(/(Uint|Int|Float|BigInt)\d+Array|ArrayBuffer|new (Weak)?Map\b/)).toEqual([]);
  });

  test('is the same every time: it knows neither chance nor clock nor process', () => {
    expect(lineWith(/Math\.random|\bDate\b|performance\.|process\./)).toEqual([]);
  });

  test('is under 6,500 lines, in files of a page or two', () => {
    expect(spec.length).toBeLessThan(6500);
    const sizes = new Map<string, number>();
    for (const line of spec) {
      const name = line.slice(0, line.indexOf(':'));
      sizes.set(name, (sizes.get(name) ?? 0) + 1);
    }
    expect([...sizes].filter(([, size]) => size > 240)).toEqual([]);
  });
});
