import { describe, expect, test } from 'vitest';
import type { Step } from '../../abi/step.js';
import { decodeRecording } from './decode.js';
import { expectedText } from './expected.js';
import { recordingText } from './recording-text.js';
import { translate, type Translation } from './translate.js';

function translated(steps: readonly object[], domains: object = { 1: {}, 2: {} }): Translation {
  const [trace] = decodeRecording(recordingText(steps, domains), 'a.json').traces;
  if (trace === undefined) throw new Error('the text has no trace');
  return translate(trace);
}

/** The steps and expectations of one recorded step that is built. */
function one(step: object, before: readonly object[] = []): { steps: Step[]; expected: string[] } {
  const result = translated([...before, { d: 1, ...step }]).results.at(-1);
  if (result === undefined || 'notBuilt' in result) throw new Error('not built');
  return {
    steps: result.judged.map((judged) => judged.step),
    expected: result.judged.map((judged) => expectedText(judged.expected)),
  };
}

const stop = (step: object): string | undefined => {
  const result = translated([{ d: 1, ...step }]).results[0];
  return result !== undefined && 'notBuilt' in result ? result.notBuilt : undefined;
};

const by = { caller: 1, vcpu: 0 };
const ok = { '=>': { ok: true } };

describe('the control domain', () => {
  test('has each frame of its grant table once, and the same each time', () => {
    const listed = (frames: readonly number[]) => {
      const answer = { rc: 0, status: 'okay', frames };
      return { d: 0, op: 'gnt.setup_table', nr_frames: frames.length, '=>': answer };
    };
    const texts = (...lists: readonly (readonly number[])[]) =>
      translated(lists.map(listed)).results.map((result) =>
        'judged' in result ? result.judged.map(({ expected }) => expectedText(expected)) : [],
      );
    const [both, again] = texts([70, 71], [70, 71]);
    expect(again).toEqual(both);
    const [first, other] = texts([70], [71]);
    expect(other).not.toEqual(first);
    expect(texts([70, 70])).not.toEqual([both]);
  });
});

describe('a grant operation', () => {
  test('keeps every argument, cut to its width', () => {
    const { steps, expected } = one({
      op: 'gnt.map',
      dom: 0x10002,
      ref: '0x100000009',
      gfn: 12288,
      flags: ['host', 'readonly', 32],
      '=>': { rc: 0, status: 'okay', handle: 0, frame: 'F3' },
    });
    const element = { granter: 2, ref: 9, address: 12288 * 4096, flags: 38 };
    expect(steps).toEqual([{ ...by, op: 'map', elements: [element] }]);
    expect(expected).toEqual(['statuses {"elements":[{"status":"okay","handle":0,"frame":3}]}']);
  });

  test('in a batch has a status for each element that was passed', () => {
    const swaps = [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ];
    const results = [{ status: 'okay' }, { status: 'bad_gntref' }];
    const both = one({ op: 'gnt.swap', ops: swaps, '=>': { rc: 0, ops: results } });
    expect(both.expected).toEqual([
      'statuses {"elements":[{"status":"okay"},{"status":"bad_gntref"}]}',
    ]);
    const none = one({ op: 'gnt.swap', ...swaps[0], count: 0, '=>': { rc: 0, status: 30583 } });
    expect(none.steps).toEqual([{ ...by, op: 'swap', elements: [] }]);
    expect(none.expected).toEqual(['statuses {"elements":[]}']);
  });

  test('that was refused as a whole answers with its value', () => {
    const refused = { op: 'gnt.status_frames', '=>': { rc: '-ENOSYS', status: 30583 } };
    expect(one(refused).steps).toEqual([
      { ...by, op: 'refused_grant_call', name: 'get_status_frames' },
    ]);
    expect(one(refused).expected).toEqual(['rc {"rc":"-ENOSYS"}']);
  });

  test('copies by ref or by gfn, as each side says', () => {
    const { steps } = one({
      op: 'gnt.copy',
      src: { ref: 8, dom: 2, off: 16 },
      dst: { gfn: '0x10000000000000', dom: 'self' },
      '=>': { rc: 0, status: 'bad_page' },
    });
    const source = { domain: 2, at: 8, offset: 16 };
    const dest = { domain: 0x7ff0, at: 2 ** 52, offset: 0 };
    const elements = [{ source, dest, length: 16, flags: 1 }];
    expect(steps).toEqual([{ ...by, op: 'copy', elements }]);
  });
});

describe('an access to the grant table', () => {
  const v2 = { d: 1, op: 'gtinfo', set: { v: 2 }, ...ok };

  test('of version 1 is one store of eight bytes', () => {
    const write = { op: 'gt.write', ref: 9, flags: ['permit', 'readonly'], dom: 2, frame: 4097 };
    const value = { low: 0x0002_0005, high: 4097 };
    expect(one({ ...write, ...ok }).steps).toEqual([
      { ...by, op: 'store', address: 0x200_0000 + 72, size: 8, value },
    ]);
  });

  test('of version 2 stores the second half of the entry first', () => {
    const write = {
      op: 'gt.write',
      ref: 9,
      dom: 2,
      page_off: 16,
      length: 32,
      frame: '0x100000001',
    };
    const at = 0x200_0000 + 144;
    expect(one({ ...write, ...ok }, [v2]).steps).toEqual([
      { ...by, op: 'store', address: at + 8, size: 8, value: { low: 1, high: 1 } },
      { ...by, op: 'store', address: at, size: 8, value: { low: 0x0002_0001, high: 0x0020_0010 } },
    ]);
    const status = one({ op: 'gt.status', ref: 3, '=>': { status_word: 8 } }, [v2]);
    expect(status.steps).toEqual([{ ...by, op: 'load', address: 0x280_0006, size: 2 }]);
    expect(status.expected).toEqual(['value {"value":{"low":8,"high":0}}']);
  });

  test('forgets the layout when its domain is created again', () => {
    const create = { op: 'create', dom: 1, '=>': { rc: 0, domid: 1 } };
    const entry = { op: 'gt.entry', ref: 1, '=>': { raw: '0100020001100000' } };
    expect(one(entry, [v2, create]).expected).toEqual([
      'value {"value":{"low":131073,"high":4097}}',
    ]);
  });
});

describe('an access by address', () => {
  test('of a block is loads of eight bytes, little endian', () => {
    const data = `${'00'.repeat(7)}8001${'00'.repeat(7)}`;
    const { steps, expected } = one({ op: 'rdblk', gfn: 1, off: 8, len: 16, '=>': { data } });
    expect(steps.map((step) => 'address' in step && step.address)).toEqual([4104, 4112]);
    expect(expected).toEqual([
      'value {"value":{"low":0,"high":2147483648}}',
      'value {"value":{"low":1,"high":0}}',
    ]);
  });

  test('that faulted or lost its guest expects that, at its first step', () => {
    const fill = { op: 'fill', gfn: 1, len: 64, value: 0 };
    const fault = one({ op: 'exec', gfn: 1, '=>': { fault: '#GP', err: 0 } });
    expect(fault.expected).toEqual(['fault {"vector":"#GP"}']);
    expect(one({ ...fill, '=>': { xport: 'domain_crashed' } }).expected).toEqual(['crashed']);
    expect(one({ ...fill, '=>': { xport: 'no_domain' } }).expected).toEqual(['no_domain']);
  });

  test('after an act of the control domain may find the guest crashed before it', () => {
    const act = { op: 'mem.populate', dom: 1, gfn: 5, '=>': { rc: 0 } };
    const read = { op: 'read', gfn: 1, '=>': { xport: 'domain_crashed' } };
    expect(one(read, [act]).expected).toEqual(['crashed, or no_domain']);
    const between = { d: 1, op: 'read', gfn: 1, '=>': { value: 0 } };
    expect(one(read, [act, between]).expected).toEqual(['crashed']);
  });
});

describe('an operation that is not built', () => {
  test.each([
    [{ op: 'mem.populate', gfn: 1, flags: 1 }, 'mem.populate with other flags'],
    [{ op: 'mem.decrease', gfn: 1, nr: 3 }, 'more extents than are listed'],
    [{ op: 'gnt.map', uop: 0 }, 'gnt.map with uop'],
    [
      { op: 'gnt.cache_flush', d: 0, addr: 4096, len: 8, flags: 1 },
      'gnt.cache_flush of a machine address',
    ],
    [
      { op: 'mem.exchange', in: [0], out: [0], d: 0 },
      'mem.exchange by the control domain on itself',
    ],
    [{ op: 'hypercall', nr: 17, args: [10, 0, 1] }, 'hypercall'],
    [{ op: 'hypercall', d: 0, nr: 20, args: [10, 0, 1] }, 'hypercall'],
    [{ op: 'read', gfn: 1, size: 3 }, 'read of 3 bytes'],
    [{ op: 'mem.remove', gfn: '0xfffffffffffffffe' }, 'a number that no double holds'],
    [{ op: 'read', gfn: 0xfee00, off: 0x30 }, 'the local APIC'],
    [{ op: 'constructor' }, 'constructor'],
    [{ op: 'mem.toString' }, 'mem.toString'],
  ])('is named: %j', (step, reason) => {
    expect(stop({ ...step, '=>': { rc: 0 } })).toBe(reason);
  });

  test('is a domain whose configuration says more than is known', () => {
    expect(translated([], { 1: { cdf: 1 } }).obstacle).toBe('a domain with cdf');
    const pools = { 1: { mempool: 1 << 20 }, 2: { mempool: 2 << 20 } };
    expect(translated([], pools).obstacle).toBe('p2m pools of several sizes');
    expect(translated([], { 1: { mempool: 1 << 20 } }).machine.p2mTableFrames).toBe(245);
  });
});

test('a wrong argument is refused with its JSON path', () => {
  const place = 'a.json: $.traces[0].steps[0]';
  const read = { d: 1, op: 'read', gfn: true, '=>': { value: 0 } };
  expect(() => translated([read])).toThrow(`${place}.gfn: expected a whole number, found true`);
  const map = { d: 1, op: 'gnt.map', ops: [1], '=>': { rc: 0, ops: [] } };
  expect(() => translated([map])).toThrow(`${place}.ops[0]: expected an object, found 1`);
});

test('the teardown destroys what is left, in the order it was made, and asks for each domain', () => {
  const steps = [
    { op: 'destroy', dom: 1, '=>': { rc: 0 } },
    { op: 'create', dom: 1, '=>': { rc: 0 } },
  ];
  const asked = translated(steps).teardown.map(({ step }) => 'domain' in step && step.domain);
  expect(asked).toEqual([2, 1, 1, 2, 3, 4, 5, 6]);
});
