import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { main, root, xenolith } from './testing/built.js';
import { caseObject, READ, walksText } from '../properties/walks/testing/case-text.js';

/** The built command line, as its users run it. */

const folder = (): string => mkdtempSync(join(tmpdir(), 'xenolith-'));

function file(name: string, text: string): string {
  const path = join(folder(), name);
  writeFileSync(path, text);
  return path;
}

const trace = 'xenolith-trace 1\nmachine small domains=1\n\n0  d1  load  at=0x0 u64  0x00000000\n';

describe('help', () => {
  test.each([[], ['check'], ['replay'], ['shrink'], ['recordings'], ['walks'], ['faults']])(
    '%s --help teaches and exits 0',
    (...words: readonly string[]) => {
      const { code, out } = xenolith(...words, '--help');
      expect(code).toBe(0);
      expect(out).toContain('Usage: xenolith');
      expect(out).toContain('Exit codes:');
    },
  );
});

describe('a wrong command line exits 2', () => {
  test.each([
    ['an unknown command', ['explode'], 'explode'],
    ['an unknown option', ['check', '--nonsense'], '--nonsense'],
    ['an unknown fault', ['faults', 'nonsense'], "no fault 'nonsense'"],
    ['a count that is none', ['check', '--steps', '-5'], 'whole number'],
    ['an absurd count', ['check', '--steps', '9'.repeat(40)], 'whole number'],
    ['an unknown machine', ['check', '--machine', 'huge'], "no machine 'huge'"],
    ['an unknown emphasis', ['check', '--emphasis', 'luck'], "no emphasis 'luck'"],
    ['an unknown paging', ['check', '--paging', 'pv'], "no paging 'pv'"],
    ['unknown guests', ['check', '--guests', 'vm86'], "no guests 'vm86'"],
    ['an unknown fault', ['check', '--fault', 'none-such'], "no fault 'none-such'"],
    ['states and steps', ['check', '--recover', '2', '--steps', '5'], '--recover'],
    ['programs of a recording', ['recordings', 'a.json', '--export', '2'], "('a.json')"],
    ['programs in JSON', ['recordings', '--export', '2', '--json'], '--json'],
    ['a seed of no programs', ['recordings', '--seed', 'a'], '--seed goes with --export'],
    ['programs over a file', ['recordings', '--export', '2', '--out', 'README.md'], 'README.md'],
  ])('%s', (_, words, told) => {
    const { code, err } = xenolith(...words);
    expect(code).toBe(2);
    expect(err).toContain(told);
  });
});

describe('broken input is one clear line with file, line and column, and exit 2', () => {
  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    ['a truncated trace', () => file('a.trace', trace.slice(0, 60)), /a\.trace:\d+:\d+: /],
    ['an unknown version', () => file('a.trace', trace.replace('1', '9')), /a\.trace:1:16: /],
    ['wrong types', () => file('a.trace', trace.replace('at=0x0', 'at=red')), /a\.trace:4:\d+: /],
    ['a directory', () => folder(), /:1:1: no \.trace file/],
    ['a file that is not there', () => join(folder(), 'gone.trace'), /gone\.trace:1:1: no such/],
    [
      'a hundred megabytes of zeros',
      () => {
        const path = file('zeros.trace', '');
        truncateSync(path, 100 * 2 ** 20);
        return path;
      },
      /zeros\.trace:1:1: expected at most \d+ bytes, found 104857600/,
    ],
    ['eight megabytes of zeros', () => file('z.trace', '\0'.repeat(2 ** 23)), /z\.trace:1:1: /],
  ];
  test.each(cases)('replay of %s', (_, make, told) => {
    const { code, out, err } = xenolith('replay', make());
    expect(code).toBe(2);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err).toMatch(told);
    expect(out).toBe('');
  });

  test.each(cases.filter(([what]) => what !== 'a directory'))('shrink of %s', (_, make, told) => {
    const { code, err } = xenolith('shrink', make());
    expect(code).toBe(2);
    expect(err).toMatch(told);
  });

  test('a recording that is no JSON, and one of the wrong shape', () => {
    const broken = file('a.json', '{"traces": [1,');
    const shapeless = file('b.json', '{"traces": 7}');
    for (const path of [broken, shapeless]) {
      const { code, err } = xenolith('recordings', join(path, '..'));
      expect(code).toBe(2);
      expect(err).toMatch(/[ab]\.json/);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});

describe('replay', () => {
  test('a trace on which spec and hypervisor agree exits 0', () => {
    const path = file('fine.trace', trace);
    expect(xenolith('replay', path)).toMatchObject({ code: 0, out: `agree   ${path}\n` });
  });

  test('a right column that is not what the spec answers is the harness’s fault: exit 3', () => {
    const { code, out } = xenolith(
      'replay',
      file('odd.trace', trace.replace('0x00000000', '0x00000007')),
    );
    expect(code).toBe(3);
    expect(out).toContain("the trace says '0x00000007', the spec '0x00000000'");
  });
});

describe('check', () => {
  const sung = (text: string): string => text.replace(/^speed .*$/m, '');

  test('the same seed gives the same report, times aside, and exits 0', () => {
    const machine = ['--machine', 'small'];
    const words = ['check', '--seed', 'twice', '--steps', '6000', ...machine, '--out', folder()];
    const [one, other] = [xenolith(...words), xenolith(...words)];
    expect(one.code).toBe(0);
    expect(sung(one.out)).toBe(sung(other.out));
    // So short a run does not reach every goal, and says so.
    expect(one.out).toMatch(/^skip {3}seed twice/);
    expect(one.out).toContain('again     xenolith check --seed twice --steps 6000 --machine small');
  });

  test('a fault is found, shrunk and saved, exits 1, and what was saved can be replayed', () => {
    const out = folder();
    const words = ['--seed', '1', '--steps', '3000', '--failures', '1', '--machine', 'small'];
    const faulty = ['--fault', 'owner-check-dropped'];
    const found = xenolith('check', ...words, '--out', out, ...faulty);
    expect(found.code).toBe(1);
    const [saved] = readdirSync(out);
    const path = join(out, saved ?? '');
    const text = readFileSync(path, 'utf8');
    expect(xenolith('replay', path, ...faulty).code).toBe(1);
    expect(xenolith('replay', path).code).toBe(0);

    // The same run again finds its file there and leaves it as it is.
    expect(xenolith('check', ...words, '--out', out, ...faulty).code).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe(text);
    expect(xenolith('shrink', path, ...faulty, '--out', path)).toMatchObject({ code: 2 });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('--json is one object, of one run or of a run on each machine', () => {
    const words = ['check', '--seed', 'j', '--steps', '3000', '--json'];
    const one = xenolith(...words, '--machine', 'small');
    expect(JSON.parse(one.out)).toMatchObject({ seed: 'j', found: [], machine: 'small' });
    const { code, out } = xenolith(...words);
    expect(code).toBe(0);
    const runs = ['hap', 'shadow', 'hap', 'shadow', 'hap'].map((paging) => ({ found: [], paging }));
    expect(JSON.parse(out)).toMatchObject({ seed: 'j', runs });
  });

  test('a run on another paging says so, and how to repeat it', () => {
    const words = ['check', '--paging', 'shadow', '--guests', 'unpaged'];
    const { code, out } = xenolith(...words, '--seed', 'p', '--steps', '3000');
    expect(code).toBe(0);
    expect(out).toMatch(/--seed p --steps 3000 --machine paged --guests unpaged$/m);
  });

  test('Ctrl-C ends in good order, reports and saves what was found', async () => {
    const out = folder();
    const words = [
      'check',
      '--seed',
      '1',
      '--steps',
      '900000000',
      '--failures',
      '1000',
      '--out',
      out,
    ];
    const child = spawn(process.execPath, [main, ...words, '--fault', 'canary'], { cwd: root });
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
    });
    await new Promise((resolve) => setTimeout(resolve, 6000));
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(1);
    expect(text).toContain('stopped early');
    expect(existsSync(out) && readdirSync(out).length).toBeGreaterThan(0);
  });
});

describe('recordings', () => {
  test('exits 2 where no trace has such a name', () => {
    const { code, out, err } = xenolith('recordings', '--only', 'nonsense');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain("has a name that contains 'nonsense'");
  });

  test('the conformance suite agrees, by file, and exits 0', () => {
    const { code, out } = xenolith('recordings', '--only', 'copy/');
    expect(code).toBe(0);
    expect(out).toMatch(/^copy\.json\.gz +[1-9]\d* +0 +0 +0$/m);
    expect(out.trimEnd().endsWith('agree')).toBe(true);
  });

  test('programs to be recorded are written to a new file', () => {
    const path = join(folder(), 'programs.json');
    const words = ['recordings', '--export', '2', '--seed', 'a', '--out', path];
    expect(xenolith(...words).code).toBe(0);
    const programs: unknown[] = JSON.parse(readFileSync(path, 'utf8'));
    expect(programs).toHaveLength(2);
    expect(xenolith(...words).code).toBe(2);
  });

  test('one file can be judged alone', () => {
    const path = join(root, 'properties', 'conformance', 'transfer.json.gz');
    const { code, out } = xenolith('recordings', path);
    expect(code).toBe(0);
    expect(out).toMatch(/^transfer\.json\.gz +[1-9]/m);
  });
});

describe('walks', () => {
  test('recorded walks agree on every target, by file, and that exits 0', () => {
    const { code, out } = xenolith('walks', '--only', 'canon/');
    expect(code).toBe(0);
    expect(out).toMatch(/^file +cases +steps +entries +spec +hardware +shadow +hap$/m);
    expect(out).toMatch(/^canon +14 +1378 +58 +0 +0 +0 +0$/m);
    expect(out).not.toMatch(/^ad /m);
    expect(out.trimEnd().endsWith('agree')).toBe(true);
  });

  const wrong = (): string => {
    const text = walksText(caseObject([{ ...READ, '=>': { value: '0x5' } }]));
    return join(file('wrong.json', text), '..');
  };

  test('an answer that was not recorded is told with its case and step, and exits 1', () => {
    const { code, out } = xenolith('walks', wrong(), '--on', 'hap', '--on', 'spec');
    expect(code).toBe(1);
    expect(out).toMatch(/^wrong +1 +1 +2 +1 +1$/m);
    expect(out).toContain(
      [
        '  DISAGREE wrong/one page (case 0), step 0: read linear 0x1000000 size 4 as user',
        '    expected value 0x5',
        '    got      value 0xcccccc00',
      ].join('\n'),
    );
  });

  test('--json says the same', () => {
    const { code, out } = xenolith('walks', wrong(), '--on', 'hardware', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      hardware: { disagreementCount: 1, files: { wrong: { steps: { disagrees: 1 } } } },
    });
  });

  test.each([
    ['an unknown target', ['walks', '--on', 'silicon'], "no target 'silicon'"],
    ['a name that no case has', ['walks', '--only', 'nonsense'], "contains 'nonsense'"],
    ['a folder without recordings', ['walks', 'model/examples'], 'no file that ends in .json'],
  ])('%s exits 2', (_, words, told) => {
    const { code, err } = xenolith(...words);
    expect(code).toBe(2);
    expect(err).toContain(told);
  });

  test('a broken file exits 2 with its case and step', () => {
    const text = walksText(caseObject([READ, { ...READ, size: 99 }]));
    const { code, err } = xenolith('walks', join(file('broken.json', text), '..'));
    expect(code).toBe(2);
    expect(err).toContain('broken.json: $.cases[0].steps[1].size: 99 is not within 1 to 8');
  });
});
