import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeRecording, readRecording, type Recording } from './decode.js';
import { firstMistake } from './json-text.js';
import { recordingText } from './recording-text.js';

const folder = mkdtempSync(join(tmpdir(), 'recordings-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const decode = (text: string): Recording => decodeRecording(text, 'a.json');

describe('a recording file', () => {
  const text = recordingText([{ d: 1, op: 'read', gfn: 4096, '=>': { value: '0x0' } }]);

  test('is read plain and compressed alike', () => {
    const [plain, packed] = [join(folder, 'a.json'), join(folder, 'a.json.gz')];
    writeFileSync(plain, text);
    writeFileSync(packed, gzipSync(text));
    for (const file of [plain, packed]) {
      const recording = readRecording(file);
      expect(recording.xen).toBe('Xen of the test');
      expect(recording.traces.map(({ name, steps }) => [name, steps.length])).toEqual([['t', 1]]);
    }
  });

  test('that is cut short while compressed is refused by name', () => {
    const file = join(folder, 'cut.json.gz');
    writeFileSync(file, gzipSync(text).subarray(0, 60));
    expect(() => readRecording(file)).toThrow(/^cut\.json\.gz: \$: cannot be decompressed: /);
  });

  test('of absurd size is refused unread', () => {
    const file = join(folder, 'huge.json');
    writeFileSync(file, '');
    truncateSync(file, 65 * 2 ** 20);
    expect(() => readRecording(file)).toThrow('the limit is 67108864');
  });
});

describe('text that is not JSON', () => {
  test.each([
    ['{"meta": {},\n "traces": [ {, ] }', 'line 2, column 15: not JSON: unexpected ","'],
    ['{"meta": {}', 'line 1, column 12: not JSON: unexpected the end of the file'],
    ['{"a": 1}\n}', 'line 2, column 1: not JSON: unexpected "}"'],
    ['[1, 2,]', 'line 1, column 7: not JSON: unexpected "]"'],
    ['{"a" 1}', 'line 1, column 6: not JSON: unexpected "1"'],
    ['["a\nb"]', 'line 1, column 4: not JSON: unexpected "\\n"'],
    ['[truth]', 'line 1, column 2: not JSON: unexpected "t"'],
    ['', 'line 1, column 1: not JSON: unexpected the end of the file'],
  ])('is refused with its line and column: %j', (text, message) => {
    expect(() => decode(text)).toThrow(`a.json: ${message}`);
  });

  test('is not found in JSON', () => {
    const text = JSON.stringify([
      {},
      [],
      '\\"\u00e9',
      -1.5e-7,
      true,
      false,
      null,
      { a: [{ b: '' }] },
    ]);
    expect(firstMistake(text)).toBe(text.length);
    const deep = '['.repeat(100_000);
    expect(firstMistake(deep)).toBe(deep.length);
  });
});

describe('a wrong shape', () => {
  const step = { d: 1, op: 'read', gfn: 4096, '=>': { value: '0x0' } };
  test.each([
    ['[]', '$: expected an object, found a list'],
    ['{}', '$.meta: expected an object, found nothing'],
    ['{"meta": {"xen": "x"}}', '$.traces: expected a list, found nothing'],
    [recordingText([{ ...step, d: 7 }]), '$.traces[0].steps[0].d: 7 is not within 0 to 6'],
    [recordingText([step, { op: 3 }]), '$.traces[0].steps[1].op: expected a string, found 3'],
    [recordingText([], { 9: {} }), '$.traces[0].domains["9"]: expected a domain id from 1 to 6'],
    [recordingText([], { 1: 5 }), '$.traces[0].domains["1"]: expected an object, found 5'],
    [
      recordingText([{ ...step, gfn: { $: true } }]),
      '$.traces[0].steps[0]["$"]: expected a string, found true',
    ],
    [
      recordingText([{ ...step, gfn: [[[[[[[[[1]]]]]]]]] }]),
      '$.traces[0].steps[0]: arguments are nested too deep',
    ],
  ])('is refused with its JSON path (%#)', (text, message) => {
    expect(() => decode(text)).toThrow(`a.json: ${message}`);
  });
});

describe('a name of an earlier result', () => {
  const handles = { rc: 0, ops: [{ handle: 4 }, { handle: 9 }] };
  const gfnOf = (reference: unknown): unknown => {
    const steps = [
      { d: 1, op: 'gnt.map', as: 'm', '=>': handles },
      { d: 1, op: 'read', gfn: reference, '=>': {} },
    ];
    return decode(recordingText(steps)).traces[0]?.steps[1]?.arguments.raw('gfn');
  };

  test('stands for the recorded field', () => {
    expect(gfnOf({ $: 'm.ops.1.handle' })).toBe(9);
  });
  test('may be moved by a distance', () => {
    expect(gfnOf({ $: 'm.ops.1.handle', plus: 3 })).toBe('12');
  });
  test('that has no such field stands for the number the rig passed', () => {
    expect(gfnOf({ $: 'm.ops.2.handle' })).toBe(0xdead);
    expect(gfnOf({ $: 'never.handle' })).toBe(0xdead);
    expect(gfnOf({ $: 'm.constructor' })).toBe(0xdead);
  });
});
