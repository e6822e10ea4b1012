import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeWalks, readWalks } from './decode.js';
import { caseObject, READ, walksText } from './testing/case-text.js';

const decode = (step: object, rest: object = {}): ReturnType<typeof decodeWalks> =>
  decodeWalks(walksText(caseObject([READ, step], rest)), 'a.json');

/** The operation and the facts of a step. */
const stepOf = (step: object): unknown => decode(step).cases[0]?.steps[1];

const fact = (answer: string): object => ({
  fact: answer,
  isLoose: false,
  also: undefined,
  dispute: undefined,
});

describe('a recorded step', () => {
  const ok = { '=>': { ok: true } };
  const at = { la: '0xffff800000001000', size: 4, user: 0 };
  const operand = { linear: { low: 0x1000, high: 0xffff8000 }, size: 4, as: 'kernel' };
  test.each([
    [
      { op: 'write', ...at, value: '0x5', ...ok },
      { op: 'write', ...operand, value: { low: 5, high: 0 } },
    ],
    [
      { op: 'xadd', ...at, ac: 1, value: '0x5', ...ok },
      { op: 'xadd', ...operand, as: 'kernel_ac', value: { low: 5, high: 0 } },
    ],
    [
      { op: 'exec', la: '0x1000', user: 1, ac: 1, ...ok },
      { op: 'exec', linear: { low: 0x1000, high: 0 }, size: 5, as: 'user' },
    ],
    [
      { op: 'desc', la: '0x1000', size: 8, user: 1, ac: 1, ...ok },
      { op: 'desc', linear: { low: 0x1000, high: 0 }, size: 8, as: 'implicit' },
    ],
    [
      { op: 'cr4', cr4: { pge: 1, smep: 0 }, ...ok },
      { op: 'cr4', set: 0x80, clear: 0x10_0000 },
    ],
    [
      { op: 'cr0', wp: 0, ...ok },
      { op: 'cr0', set: 0, clear: 0x1_0000 },
    ],
    [
      { op: 'efer', nxe: 1, ...ok },
      { op: 'efer', set: 0x800, clear: 0 },
    ],
    [
      { op: 'poke', pa: '0x401000', value: '0x0', width: 8, ...ok },
      { op: 'poke', address: 0x401000, value: { low: 0, high: 0 }, width: 8 },
    ],
  ])('%j', (step, operation) => {
    expect(stepOf(step)).toEqual({ operation, recorded: fact('ok') });
  });

  test.each([
    [{ fault: 14, err: 7, cr2: '0x1004' }, '#PF 0x7 at 0x1004'],
    [{ fault: 13, err: 0 }, '#GP'],
    [{ executed: '0x1000f00' }, 'executed 0x1000f00'],
    [{ swapped: false, value: '0x3' }, 'not swapped 0x3'],
    [{ value: '0x123456789abcdef0' }, 'value 0x123456789abcdef0'],
    [{ value: 'any' }, 'value any'],
  ])('its result %j reads %s', (result, answer) => {
    expect(stepOf({ ...READ, '=>': result })).toMatchObject({ recorded: fact(answer) });
  });

  test('a dispute and a loose answer are taken over', () => {
    const disputed = { disputed: 'why', right: 'either', qemu: { ok: true }, loose: true };
    expect(stepOf({ ...READ, ...disputed, also: { fault: 13, err: 0 } })).toMatchObject({
      recorded: {
        isLoose: true,
        also: '#GP',
        dispute: { about: 'why', right: 'either', qemu: 'ok', bochs: undefined },
      },
    });
  });
});

describe('what is wrong is told with its file, case and step', () => {
  test.each([
    ['an unknown operation', { ...READ, op: 'jump' }, 'a.json: $.cases[0].steps[1].op: '],
    [
      'no address',
      { op: 'read', size: 4, user: 1, '=>': { ok: true } },
      '$.cases[0].steps[1].la: expected a whole number',
    ],
    ['an odd size', { ...READ, size: 9 }, '$.cases[0].steps[1].size: 9 is not within 1 to 8'],
    ['no result', { ...READ, '=>': {} }, '$.cases[0].steps[1]["=>"]: expected ok, value'],
    ['another fault', { ...READ, '=>': { fault: 6, err: 0 } }, '.fault: 6 is not within'],
    ['an unknown judge', { ...READ, disputed: 'x', right: 'amd' }, '.right: expected qemu, bochs'],
    [
      'an unknown bit',
      { op: 'cr4', cr4: { vme: 1 }, '=>': { ok: true } },
      '.cr4.vme: expected a bit of CR4',
    ],
    [
      'a value of 65 bits',
      { ...READ, '=>': { value: '-1' } },
      '.value: expected a number of 64 bits',
    ],
  ])('%s', (_, step, message) => {
    expect(() => decode(step)).toThrow(message);
  });

  test.each([
    ['an unknown mode', { mode: '5-level' }, 'a.json: $.cases[0].mode: expected 2-level, pae'],
    ['fewer entries in the end', { after: [] }, '$.cases[0].after: expected 2 entries'],
    [
      'another entry in the end',
      {
        after: [
          { pa: '0x1', value: '0x0' },
          { pa: '0x2', value: '0x0' },
        ],
      },
      '$.cases[0].after[0].pa: ',
    ],
    [
      'an entry of two bytes',
      { tables: [{ pa: '0x1', value: '0x0', width: 2 }], after: [] },
      '.tables[0].width: 2 is not',
    ],
    ['a load that failed', { load: { fault: 13, err: 0 } }, '$.cases[0].load: '],
    ['half a byte', { data: [{ pa: '0x1000000', bytes: 'f' }] }, '.data[0].bytes: expected bytes'],
  ])('%s', (_, rest, message) => {
    expect(() => decode(READ, rest)).toThrow(message);
  });

  test('text that is not JSON, at its line and column', () => {
    expect(() => decodeWalks('{"cases":[}', 'a.json')).toThrow(
      'a.json: line 1, column 11: not JSON',
    );
  });
});

describe('a file', () => {
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(mkdtempSync(join(tmpdir(), 'xenolith-')), name);
    writeFileSync(path, content);
    return path;
  };

  test('may be compressed; its name is that of its cases', () => {
    const text = walksText(caseObject([READ]));
    for (const path of [file('ad.json', text), file('ad.json.gz', gzipSync(text))]) {
      const { name, cases } = readWalks(path);
      expect([name, cases.length, cases[0]?.steps.length]).toEqual(['ad', 1, 1]);
    }
  });

  test('that is cut off in the middle is refused', () => {
    const whole = gzipSync(walksText(caseObject([READ])));
    const path = file('ad.json.gz', whole.subarray(0, whole.length - 20));
    expect(() => readWalks(path)).toThrow('ad.json.gz: $: cannot be decompressed');
  });
});
