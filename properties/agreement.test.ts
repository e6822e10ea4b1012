import { describe, expect, test } from 'vitest';
import { Gfn, Handle, Mfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import { differenceOf } from './agreement.js';

const word = (low: number) => ({ low, high: 0 });

/** A reply, another one, and the place where they first differ. */
const pairs: readonly (readonly [Reply, Reply, string])[] = [
  [{ is: 'no_domain' }, { is: 'crashed' }, 'is'],
  [
    { is: 'crashed', outcome: { is: 'statuses', elements: [{ status: 'okay' }] } },
    { is: 'crashed', outcome: { is: 'statuses', elements: [{ status: 'eagain' }] } },
    'elements.status',
  ],
  [{ is: 'rc', rc: 0 }, { is: 'rc', rc: '-EINVAL' }, 'rc'],
  [{ is: 'value', value: word(1) }, { is: 'value', value: word(2) }, 'value'],
  [{ is: 'stored' }, { is: 'fault', vector: '#GP' }, 'is'],
  [{ is: 'stored' }, { is: 'done' }, 'is'],
  [
    { is: 'page_fault', code: 5, linear: word(0x6000) },
    { is: 'page_fault', code: 7, linear: word(0x7000) },
    'code',
  ],
  [
    { is: 'page_fault', code: 7, linear: word(0x6fff) },
    { is: 'page_fault', code: 7, linear: word(0x7000) },
    'linear',
  ],
  [{ is: 'page_fault', code: 0, linear: word(0) }, { is: 'fault', vector: '#GP' }, 'is'],
  [{ is: 'dirty', gfns: [] }, { is: 'rc', rc: 0 }, 'is'],
  [
    { is: 'statuses', elements: [{ status: 'okay' }] },
    { is: 'statuses', elements: [{ status: 'bad_handle' }] },
    'elements.status',
  ],
  [
    { is: 'statuses', elements: [{ status: 'okay' }] },
    { is: 'statuses', elements: [] },
    'elements.length',
  ],
  [
    { is: 'table', status: 'okay', frames: [Gfn(1)] },
    { is: 'table', status: 'okay', frames: [Gfn(2)] },
    'frames',
  ],
  [
    { is: 'size', status: 'okay', frames: 1, maximum: 3 },
    { is: 'size', status: 'okay', frames: 1, maximum: 4 },
    'maximum',
  ],
  [{ is: 'version', rc: 0, version: 1 }, { is: 'version', rc: 0, version: 2 }, 'version'],
  [
    { is: 'errors', rc: 0, errors: [0, '-EINVAL'] },
    { is: 'errors', rc: 0, errors: [0, 'untouched'] },
    'errors',
  ],
  [{ is: 'resource', rc: 0, count: 1 }, { is: 'resource', rc: 0, count: 2 }, 'count'],
  [{ is: 'exchanged', rc: 0, count: 0 }, { is: 'exchanged', rc: 0, count: 1 }, 'count'],
  [
    { is: 'domain_info', dying: false, shutdown: false, pages: 8, maximumPages: 9, outstanding: 0 },
    { is: 'domain_info', dying: false, shutdown: false, pages: 7, maximumPages: 9, outstanding: 0 },
    'pages',
  ],
  [
    { is: 'inspected', memoryType: 'ram_rw', frame: Mfn(4), first: word(1) },
    { is: 'inspected', memoryType: 'ram_rw', frame: Mfn(4), first: word(2) },
    'first',
  ],
];

describe('differenceOf', () => {
  test.each(pairs)('finds no difference between %j and itself', (reply) => {
    expect(differenceOf(reply, reply, false)).toBeUndefined();
  });

  test.each(pairs)('tells %j from %j, both ways, at %s', (a, b, path) => {
    expect(differenceOf(a, b, false)?.path).toBe(path);
    expect(differenceOf(b, a, false)?.path).toBe(path);
  });

  test('[G15] asks a map for a handle and a frame, whichever they are', () => {
    const allowed: Reply = { is: 'statuses', elements: [{ status: 'okay' }] };
    const bare: Reply = allowed;
    const full: Reply = {
      is: 'statuses',
      elements: [{ status: 'okay', handle: Handle(0), frame: Mfn(0) }],
    };
    expect(differenceOf(full, allowed, true)).toBeUndefined();
    expect(differenceOf(bare, allowed, true)?.path).toBe('elements.handle');
    expect(differenceOf(full, allowed, false)?.path).toBe('elements.handle');
  });

  test('[D3] asks for no outcome of a crashed caller that the other side does not tell', () => {
    const outcome: Reply = { is: 'statuses', elements: [{ status: 'okay' }] };
    expect(differenceOf({ is: 'crashed', outcome }, { is: 'crashed' }, false)).toBeUndefined();
    expect(differenceOf({ is: 'crashed' }, { is: 'crashed', outcome }, false)).toBeUndefined();
  });

  test('names the element that differs', () => {
    const allowed: Reply = { is: 'statuses', elements: [{ status: 'okay' }, { status: 'okay' }] };
    const actual: Reply = { is: 'statuses', elements: [{ status: 'okay' }, { status: 'eagain' }] };
    expect(differenceOf(actual, allowed, false)).toEqual({
      path: 'elements.status',
      element: 1,
      expected: 'okay',
      actual: 'eagain',
    });
  });
});
