import { describe, expect, test } from 'vitest';
import { parseTrace } from './parse.js';
import { TRACE_BYTES_LIMIT, TraceError } from './trace.js';

const HEAD = 'xenolith-trace 1\nmachine small';
const GRANT = '0  d1  grant  ref=9 to=d2 gfn=0x3 ro  ok';
const MAP = '1  d2  map  d1/9 at=0x6 ro  ok';

/** A trace whose third line and the lines after it are these. */
const body = (...lines: readonly string[]): string => [HEAD, ...lines, ''].join('\n');

/** What is broken, the text, where the error is, what it says was expected. */
const broken: readonly (readonly [string, string, string, string])[] = [
  ['an empty file', '', '1:1', 'the header'],
  ['a file without a header', 'machine small\n', '1:1', 'xenolith-trace'],
  ['only a story', '# A story.\n', '2:1', 'the header'],
  ['no version', 'xenolith-trace\nmachine small\n', '1:15', 'the version 1'],
  ['an unknown version', 'xenolith-trace 2\nmachine small\n', '1:16', 'version 1, the only one'],
  ['no machine', 'xenolith-trace 1\n', '2:1', 'machine …'],
  ['a line in place of the machine', `xenolith-trace 1\n${GRANT}\n`, '2:1', 'machine …'],
  [
    'an unknown machine',
    'xenolith-trace 1\nmachine huge\n',
    '2:9',
    'tiny, small, paged, whole, xen',
  ],
  ['an unknown width', `${HEAD} wings=2\n`, '2:15', 'domains='],
  ['an absurd machine', `${HEAD} guest_frames=99999999999\n`, '2:28', 'from 0 to 1048576'],
  [
    'a machine that has no room',
    `${HEAD} p2m_table_frames=65536 domains=1024\n`,
    '2:9',
    'frames in all',
  ],
  ['half entries in a frame', `${HEAD} refs_per_frame=3\n`, '2:30', 'an even number'],
  ['more reserved refs than refs', `${HEAD} reserved_refs=512\n`, '2:29', 'reserved refs'],
  ['no grant frames', `${HEAD} grant_frames_maximum=0\n`, '2:36', 'from 1 to 1024'],
  ['an unknown paging', `${HEAD} paging=pv\n`, '2:22', 'hap or shadow'],
  ['a TLB of six entries', `${HEAD} tlb_entries=6\n`, '2:27', 'a power of two'],
  [
    'a pool of shadows too small for its vcpu',
    `${HEAD} paging=shadow shadow_frames=9\n`,
    '2:43',
    'from 10 to',
  ],
  ['a feature half on', `${HEAD} pse36=maybe\n`, '2:21', 'on or off'],
  ['addresses of 64 bits', `${HEAD} address_bits=64\n`, '2:28', 'from 32 to 44'],
  ['a width twice', `${HEAD} vcpus=1 vcpus=2\n`, '2:23', 'the end of the arguments'],
  ['a boot of no domain', body('domain everyone'), '3:8', 'a domain'],
  ['none beside a boot', body('domain d1', 'domain none'), '4:1', 'a domain'],
  ['a run of pages without a count', body('domain d1 ram=0x0'), '3:15', 'a run of pages'],
  ['a program that starts at 1', body(MAP), '3:1', 'line number 0'],
  ['a number left out', body(GRANT, '2  d1  crash'), '4:1', 'line number 1'],
  ['a comment in the program', body(GRANT, '# later'), '4:1', 'line number 1'],
  ['a line that ends after its number', body('0'), '3:2', 'a domain, or tool'],
  ['a line that ends after its actor', body('0  d1'), '3:6', 'an operation'],
  ['a line that ends after its operation', body('0  d1  load'), '3:12', 'at='],
  ['a line that ends within its arguments', body('0  d1  load  at=0x6'), '3:20', 'a size'],
  ['a batch that ends after a separator', body(GRANT, '1  d2  map  d1/9 at=0x6 ro ;'), '4:28', ''],
  ['an unknown operation', body('0  d1  steal  d2'), '3:8', 'an operation'],
  ['a property of objects as operation', body('0  d1  toString  d2'), '3:8', 'an operation'],
  ['a toolstack operation of a guest', body('0  d1  destroy  d2'), '3:4', "'tool'"],
  [
    'a guest operation of the toolstack',
    body('0  tool  fetch  at=0x1'),
    '3:4',
    'a domain that calls',
  ],
  ['a word for a number', body('0  d1  set_version  two'), '3:21', 'a number of 32 bits'],
  ['a negative number', body('0  d1  set_version  -1'), '3:21', 'a number of 32 bits'],
  ['a fraction', body('0  d1  set_version  1.5'), '3:21', 'a number of 32 bits'],
  ['a number too large for its width', body('0  d1  swap  1 0x100000000'), '3:16', '32 bits'],
  [
    'a gfn no double carries',
    body('0  d1  remove_from_physmap  self gfn=9007199254740993'),
    '3:38',
    '2^53',
  ],
  ['a gfn as a fraction', body('0  d1  remove_from_physmap  self gfn=1e3'), '3:38', '2^53'],
  ['a domain id too large', body('0  d1  get_version  d65536'), '3:22', '16 bits'],
  ['a number for a domain', body('0  d1  get_version  1'), '3:21', 'a domain'],
  [
    'a value of more than 64 bits',
    body('0  d1  store  at=0x6 u8 0x10000000000000000'),
    '3:25',
    '64 bits',
  ],
  ['an offset past its page', body('0  d1  load  at=0x6+0x1000 u8'), '3:21', 'from 0 to 4095'],
  ['an address past 2^53', body('0  d1  load  at=0x20000000000+1 u8'), '3:17', 'up to 2^53'],
  ['an access of no bytes', body('0  d1  load  at=0x6 b0'), '3:22', 'from 1 to 8 bytes'],
  ['an access of nine bytes', body('0  d1  load  at=0x6 b9'), '3:22', 'from 1 to 8 bytes'],
  ['an unknown size', body('0  d1  load  at=0x6 word'), '3:21', 'a size'],
  ['a word too many', body('0  d1  load  at=0x6 u32 fast'), '3:25', 'the end of the arguments'],
  ['an unknown key', body('0  d1  grant  ref=9 to=d2 gfn=0x3 ro size=4'), '3:38', 'sub='],
  ['a missing key', body('0  d1  grant  ref=9 gfn=0x3 ro'), '3:21', 'to='],
  ['neither ro nor rw', body(GRANT, '1  d2  map  d1/9 at=0x6'), '4:24', 'or ro, or rw'],
  ['a grant without a ref', body(GRANT, '1  d2  map  d1 at=0x6 ro'), '4:13', 'a grant'],
  ['a name of its own line', body(GRANT, '1  d2  unmap  h1 at=0x6'), '4:15', 'before line 1'],
  ['a name that looks forward', body(GRANT, '1  d2  unmap  h7.1 at=0x6'), '4:15', 'before line 1'],
  ['a handle without a mark', body('0  d2  unmap  17 at=0x6'), '3:15', 'a handle'],
  ['a copy without an arrow', body('0  d1  copy  d1/9 self:0x6 bytes=1'), '3:19', "'->'"],
  [
    'a copy that says twice what a ref is',
    body('0  d1  copy  d1/9 -> d1/8 bytes=1 flags=0x1'),
    '3:41',
    'besides',
  ],
  ['a page given to nobody', body('0  d0  transfer  0x3 d1/8'), '3:22', "'->'"],
  ['a page given without a ref', body('0  d0  transfer  0x3 -> d1'), '3:25', 'a grant'],
  [
    'a page written back and lost',
    body('0  d0  write_back  dev=0x0 bytes=8 flags=x'),
    '3:42',
    'clean',
  ],
  ['an unknown grant operation', body('0  d1  refused_grant_call  map'), '3:28', 'transfer'],
  [
    'an unknown space',
    body('0  d1  add_to_physmap  self space=ram index=0 gfn=0'),
    '3:35',
    'a space',
  ],
  ['an access at two addresses', body('0  d1  load  at=0x6 va=0x6000 u8'), '3:14', 'a size'],
  ['an access that says so twice', body('0  d1  load_linear  va=0x6000 u8'), '3:8', 'an operation'],
  ['an unknown accessor', body('0  d1  load  va=0x6000 root u8'), '3:24', 'a size'],
  ['a fetch from a linear address of no size', body('0  d1  fetch  va=0x6000'), '3:24', 'a size'],
  [
    'a linear address of 65 bits',
    body('0  d1  invlpg  va=0x10000000000000000'),
    '3:19',
    'a value of 64 bits',
  ],
  ['an unknown flag of a register', body('0  d1  cr0  value=pe+up'), '3:22', 'pe+mp+em'],
  ['a property of objects as flag', body('0  d1  efer  value=toString'), '3:20', 'sce+lme'],
  ['a flag of another register', body('0  d1  cr4  value=pe'), '3:19', 'pse+pae'],
  ['a flag twice', body('0  d1  cr0  value=pe+0x10+et'), '3:27', 'no bit twice'],
  ['a register of 33 bits', body('0  d1  cr0  value=0x100000000'), '3:19', '32 bits'],
  ['a register without a value', body('0  d1  cr3  0x6000'), '3:13', 'value='],
  ['an entry in three bytes', body('0  d1  pte  table=0x4 index=3 width=3'), '3:37', '4 or 8'],
  [
    'an entry past its table',
    body('0  d1  pte  table=0x4 index=512 width=8 gfn=0x7 p'),
    '3:29',
    'from 0 to 511',
  ],
  [
    'a gfn that no entry holds',
    body('0  d1  pte  table=0x4 index=3 width=8 gfn=0x10000000000 p'),
    '3:43',
    '40 bits',
  ],
  [
    'an entry without flags',
    body('0  d1  pte  table=0x4 index=3 width=8 gfn=0x7'),
    '3:46',
    'the flags',
  ],
  [
    'flags past the twelve of an entry',
    body('0  d1  pte  table=0x4 index=3 width=8 gfn=0x7 p+0x1000'),
    '3:49',
    '12 bits',
  ],
  [
    'NX among the bits',
    body('0  d1  pte  table=0x4 index=3 width=8 gfn=0x7 p bits=0x80000000'),
    '3:54',
    'besides nx',
  ],
  [
    'what cannot fail',
    body('0  tool  fail_next  luck after=1'),
    '3:21',
    'page, table, grant_frame',
  ],
  ['a log that nobody knows', body('0  tool  log_dirty  d1 burn'), '3:24', 'enable, disable'],
  ['a log kept by a guest', body('0  d1  log_dirty  d1 peek'), '3:4', "'tool'"],
  ['a field of a story twice', `# Kin: a\n# Kin: b\n${HEAD}\n`, '2:1', 'each field once'],
  ['text after the fields of a story', `# T.\n# Kin: a\n# more\n${HEAD}\n`, '3:1', 'a field'],
];

function errorOf(text: string): TraceError {
  try {
    parseTrace(text, 'broken.trace');
  } catch (error) {
    if (error instanceof TraceError) return error;
    throw error;
  }
  throw new Error('the text was read as a trace');
}

function outcomeOf(text: string): string {
  try {
    parseTrace(text, 'cut.trace');
    return 'a trace';
  } catch (error) {
    return error instanceof Error ? error.name : 'something thrown';
  }
}

describe('a broken trace is refused with one error that says where and what', () => {
  test.each(broken)('%s', (_, text, place, expected) => {
    const error = errorOf(text);
    expect(error.message).toMatch(new RegExp(`^broken\\.trace:${place}: expected [^\n]+$`));
    expect(error.expected).toContain(expected);
  });

  test('a text that is too big is refused before it is read', () => {
    const error = errorOf('x'.repeat(TRACE_BYTES_LIMIT + 1));
    expect(error.expected).toBe(`at most ${TRACE_BYTES_LIMIT} bytes`);
  });

  test('whatever is cut off a trace, the rest is a trace or a TraceError', () => {
    const text = body(
      GRANT,
      MAP,
      '2  d2  copy  d1/9+0x10 -> self:0x6 bytes=64  ok',
      '3  d2  crash',
    );
    const outcomes = Array.from({ length: text.length }, (_, length) =>
      outcomeOf(text.slice(0, length)),
    );
    expect(new Set(outcomes)).toEqual(new Set(['a trace', 'TraceError']));
  });
});
