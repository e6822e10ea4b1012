import { describe, expect, test } from 'vitest';
import { Gfn, Handle, INVALID_GFN, Mfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import { printReply } from './reply.js';

const fault = (code: number, low: number, high = 0): Reply => ({
  is: 'page_fault',
  code,
  linear: { low, high },
});

const replies: readonly (readonly [string, Reply])[] = [
  ['no_domain', { is: 'no_domain' }],
  ['crashed', { is: 'crashed' }],
  ['ok', { is: 'rc', rc: 0 }],
  ['3', { is: 'rc', rc: 3 }],
  ['-ENOENT', { is: 'rc', rc: '-ENOENT' }],
  ['none', { is: 'statuses', elements: [] }],
  ['ok ; bad_gntref', { is: 'statuses', elements: [{ status: 'okay' }, { status: 'bad_gntref' }] }],
  ['ok 0x20,~0', { is: 'table', status: 'okay', frames: [Gfn(0x20), INVALID_GFN] }],
  ['bad_domain', { is: 'table', status: 'bad_domain', frames: [] }],
  ['ok frames=1 maximum=3', { is: 'size', status: 'okay', frames: 1, maximum: 3 }],
  ['ok v2', { is: 'version', rc: 0, version: 2 }],
  ['-ESRCH', { is: 'version', rc: '-ESRCH', version: 0 }],
  [
    '-ENOENT each ok,-ENOENT,untouched',
    { is: 'errors', rc: '-ENOENT', errors: [0, '-ENOENT', 'untouched'] },
  ],
  ['ok count=2', { is: 'exchanged', rc: 0, count: 2 }],
  ['0x0000002a', { is: 'value', value: { low: 42, high: 0 } }],
  ['0x000000010000002a', { is: 'value', value: { low: 42, high: 1 } }],
  ['ok', { is: 'stored' }],
  ['#GP', { is: 'fault', vector: '#GP' }],
  ['#PF P+W+U va=0x81696000', fault(0x7, 0x8169_6000)],
  ['#PF 0 va=0x0', fault(0, 0)],
  ['#PF P+RSVD+I+PK va=0x1', fault(0x39, 1)],
  ['#PF 0x41 va=0xffff800000000fff', fault(0x41, 0xfff, 0xffff_8000)],
  ['done', { is: 'done' }],
  ['dirty 0x3,0x7', { is: 'dirty', gfns: [Gfn(3), Gfn(7)] }],
  ['dirty none', { is: 'dirty', gfns: [] }],
  [
    'pages=8 maximum=14 outstanding=3 dying shutdown',
    { is: 'domain_info', dying: true, shutdown: true, pages: 8, maximumPages: 14, outstanding: 3 },
  ],
  ['-EINVAL count=2', { is: 'resource', rc: '-EINVAL', count: 2 }],
  ['mmio_dm', { is: 'inspected', memoryType: 'mmio_dm' }],
  [
    'ram_rw mapped 0x000000000000002a',
    { is: 'inspected', memoryType: 'ram_rw', frame: Mfn(7), first: { low: 42, high: 0 } },
  ],
];

describe('the right column', () => {
  test.each(replies)('%s', (text, reply) => {
    expect(printReply(reply, 'add_to_physmap')).toBe(text);
    expect(text).not.toMatch(/ {2}/);
  });

  test('is a number where it is a count, zero too', () => {
    expect(printReply({ is: 'rc', rc: 0 }, 'populate_physmap')).toBe('0');
    expect(printReply({ is: 'rc', rc: 0 }, 'decrease_reservation')).toBe('0');
    expect(printReply({ is: 'rc', rc: 2 }, 'maximum_gpfn')).toBe('2');
  });

  test('is the same for two handles and frames that the hypervisor may choose', () => {
    const chosen = (n: number): Reply => ({
      is: 'statuses',
      elements: [{ status: 'okay', handle: Handle(n), frame: Mfn(n) }],
    });
    expect(printReply(chosen(1), 'map')).toBe(printReply(chosen(2), 'map'));
  });
});
