import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { xenolith } from './testing/built.js';

/** The built command line: `sweep`, and recordings of a host with shadow paging. */

describe('sweep', () => {
  test('--help teaches and exits 0', () => {
    const { code, out } = xenolith('sweep', '--help');
    expect(code).toBe(0);
    expect(out).toContain('Usage: xenolith sweep');
    expect(out).toContain('Nothing here is random.');
    expect(out).toContain('Exit codes:');
  });

  test('tells each sweep with its counts, and exits 0 where all agree', () => {
    const { code, out } = xenolith('sweep', '--mode', 'pae', '--paging', 'hap', '--step', '499');
    expect(code).toBe(0);
    expect(out).toMatch(/^sweep +cases +of +accesses +done +faults +crashes +stale +seconds$/m);
    expect(out).toMatch(/^accesses pae-4k hap +133 +66064 +\d+ +\d+ +\d+ +\d+ +0 /m);
    expect(out).toMatch(/^pairs pae hap +161 +80000 /m);
    expect(out).toMatch(/^agree: \d+ accesses in 7 sweeps$/m);
  });

  test('a fault is found, shrunk and saved, exits 1, and what was saved can be replayed', () => {
    const out = mkdtempSync(join(tmpdir(), 'xenolith-'));
    const faulty = ['--fault', 'grant-mapping-executes'];
    const words = ['--mode', 'pae-2m', '--kind', 'accesses', '--paging', 'hap', '--step', '7'];
    const found = xenolith('sweep', ...words, ...faulty, '--out', out);
    expect(found.code).toBe(1);
    expect(found.out).toMatch(/^sweep accesses pae-2m hap +\d+ lines shrunk to \d+/m);
    expect(found.out.trimEnd().endsWith('disagree: 1 of 1 sweeps')).toBe(true);
    const path = join(out, readdirSync(out)[0] ?? '');
    expect(xenolith('replay', path, ...faulty).code).toBe(1);
    expect(xenolith('replay', path).code).toBe(0);
  });

  test('--json is one object', () => {
    const { code, out } = xenolith('sweep', '--kind', 'pairs', '--step', '4001', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      step: 4001,
      sweeps: [
        { kind: 'pairs', tables: '2-level', paging: 'shadow', cases: 20, all: 80_000 },
        { tables: 'pae' },
        { tables: '4-level' },
        { tables: '2-level', paging: 'hap' },
        { tables: 'pae' },
        { tables: '4-level' },
      ],
    });
  });

  test.each([
    ['an unknown mode', ['--mode', 'vm86'], "no tables of mode 'vm86'"],
    ['an unknown kind', ['--kind', 'luck'], "no kind 'luck'"],
    ['an unknown paging', ['--paging', 'pv'], "no paging 'pv'"],
    ['a step that is none', ['--step', '0'], 'whole number'],
  ])('%s exits 2', (_, words, told) => {
    const { code, err } = xenolith('sweep', ...words);
    expect(code).toBe(2);
    expect(err).toContain(told);
  });
});

describe('recordings of a host with shadow paging', () => {
  const shadow = join('properties', 'conformance', 'shadow');

  test('agree but for what is declared, which is told with its reason', () => {
    const { code, out } = xenolith('recordings', shadow, '--paging', 'shadow', '--only', 'copy/');
    expect(code).toBe(0);
    expect(out).toMatch(/^copy\.json\.gz +512 +0 +0 +0$/m);
    expect(out).toContain(
      '  order-of-copy-checks: 26, 26 results in copy\n    the repair of XSA-523',
    );
    expect(out).toContain('  copy-of-xsa-523: 4, 4 results in copy\n    the recorded hypervisor');
  });

  test('are not judged as those of nested paging', () => {
    const { code, out } = xenolith('recordings', shadow, '--only', 'copy/');
    expect(code).toBe(0);
    expect(out).toContain('traces at a domain with cdf');
  });

  test('a declared divergence that never shows is the harness’s fault: exit 3', () => {
    const folder = mkdtempSync(join(tmpdir(), 'xenolith-'));
    writeFileSync(join(folder, 'copy.json'), '{"meta": {"xen": "of the test"}, "traces": []}');
    const { code, out } = xenolith('recordings', folder, '--paging', 'shadow');
    expect(code).toBe(3);
    expect(out).toContain('UNUSED copy-of-xsa-523');
  });
});
