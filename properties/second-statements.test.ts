import { describe, expect, test } from 'vitest';
import { parseTrace } from '../counterexamples/parse.js';
import { faultedModule } from './faulted.js';
import { subjectsOf } from './our-subject.js';
import { run } from './run.js';

/**
 * What the hypervisor and its audit both have to know, wrong in the hypervisor: the audit has to
 * contradict it. File, text, what is put there, who contradicts, and the lines that show it.
 */
const wrong = [
  [
    'a window on a guest’s page takes a type',
    'impl/windows.ts',
    'return !isReadonly && host.frames.ownerOf(mfn) === CONTROL;',
    'return !isReadonly;',
    'F14',
    ['0  tool  map_foreign  w0 d1:0x0 rw  ok'],
  ],
  [
    'a writable window of an own page takes none',
    'impl/windows.ts',
    'return !isReadonly && host.frames.ownerOf(mfn) === CONTROL;',
    'return false;',
    'I13',
    ['0  tool  map_foreign  w0 self:0x0 rw  ok'],
  ],
  [
    'a readonly mapping takes a type',
    'impl/physmap.ts',
    'if (found === NOTHING || typeOf(found) !== GRANT_MAP_RW) return false;',
    'if (found === NOTHING || typeOf(found) === GRANT_MAP_RW) return false;',
    'I13',
    ['0  d1  grant  ref=2 to=d1 gfn=0x0 rw  ok', '1  d1  map    d1/2 at=0x40000 rw       ok'],
  ],
] as const;

describe('a predicate that is wrong', () => {
  test.each(wrong)('%s', async (title, file, find, put, claim, lines) => {
    const fault = { id: title, title, kin: 'none', breaks: [claim] };
    const module = await faultedModule({ ...fault, changes: [{ file, find, put }] });
    const text = [
      'xenolith-trace 1',
      'machine whole paging=hap domains=1 vcpus=1',
      'domain d1',
      '',
    ];
    const { program } = parseTrace([...text, ...lines, ''].join('\n'), 'lines');
    expect(run(program, subjectsOf(module))).toMatchObject({ verdict: 'violate', claim });
  });
});
