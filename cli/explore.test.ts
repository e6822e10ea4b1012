import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The built command line: `explore`. */

const root = join(import.meta.dirname, '..');
const main = join(root, 'dist', 'cli', 'main.js');

function xenolith(...words: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { code: status, out: stdout, err: stderr };
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'xenolith-'));

/** Runs until a file is there, and some milliseconds more; answers the exit code, or the signal. */
async function ended(
  words: readonly string[],
  file: string,
  after: number,
  signal: 'SIGKILL' | 'SIGINT',
): Promise<number | string | null> {
  const child = spawn(process.execPath, [main, ...words], { cwd: root, stdio: 'ignore' });
  const closed = new Promise<number | string | null>((resolve) => {
    child.on('close', (code, by) => resolve(code ?? by));
  });
  while (!existsSync(file) && child.exitCode === null)
    await new Promise((go) => setTimeout(go, 10));
  await new Promise((go) => setTimeout(go, after));
  child.kill(signal);
  return closed;
}

describe('explore', () => {
  test('--help teaches and exits 0', () => {
    const { code, out } = xenolith('explore', '--help');
    expect(code).toBe(0);
    expect(out).toContain('Usage: xenolith explore');
    expect(out).toContain('Nothing here is random');
    expect(out).toContain('shadows');
    expect(out).toContain('Exit codes:');
  });

  test('tells what a bound contains, on both systems, and exits 0', () => {
    const { code, out } = xenolith('explore', 'loan', '--depth', '2', '--impl');
    expect(code).toBe(0);
    expect(out).toContain('not closed: 38 states were met\nstates by depth: 1 6 31\n');
    expect(out).toContain('on the system: 140 acts carried out in 38 states');
    expect(out).toMatch(/^rules in this bound \(\d+ of \d+\): G1 .*D2 D3$/m);
    expect(out).toMatch(/^agree$/m);
    expect(JSON.parse(xenolith('explore', 'loan', '--depth', '2', '--json').out)).toMatchObject({
      bound: 'loan',
      states: 38,
      depths: [1, 6, 31],
      isClosed: false,
    });
  });

  test('a fault is found, its shortest program saved, and exits 1', () => {
    const out = folder();
    const words = ['--fault', 'moved-frame-stays', '--depth', '2', '--out', out];
    const { code, out: text } = xenolith('explore', 'grants', ...words);
    expect(code).toBe(1);
    expect(text).toContain('fault: moved-frame-stays');
    const [saved = ''] = readdirSync(out);
    const trace = join(out, saved);
    expect(xenolith('replay', trace, '--fault', 'moved-frame-stays').code).toBe(1);
    expect(xenolith('replay', trace).code).toBe(0);
  });

  test('a wrong bound, or a file that is no checkpoint of this search, exits 2', () => {
    const file = join(folder(), 'part');
    writeFileSync(file, 'not one');
    expect(xenolith('explore', 'everything')).toMatchObject({ code: 2, out: '' });
    expect(xenolith('explore', 'loan', '--resume', file)).toMatchObject({ code: 2, out: '' });
    expect(xenolith('explore', 'loan', '--resume', join(file, 'x')).err).toContain('resumed');
  });

  test('killed at any moment and resumed, it comes to the same report', async () => {
    const words = ['explore', 'loan', '--depth', '6', '--no-symmetry'];
    const whole = xenolith(...words);
    const file = join(folder(), 'part');
    const kept = ['--save', file, '--save-every', '100'];
    for (const after of [0, 30, 110]) {
      const resume = existsSync(file) ? ['--resume', file] : [];
      await ended([...words, ...kept, ...resume], file, after, 'SIGKILL');
    }
    expect(readFileSync(file).length).toBeGreaterThan(1000);
    expect(xenolith(...words, '--resume', file)).toMatchObject({ code: 0, out: whole.out });
  });

  test('Ctrl-C keeps what there is, also of what was done on the hypervisor', async () => {
    const words = ['explore', 'loan', '--depth', '2', '--impl'];
    const whole = xenolith(...words);
    const file = join(folder(), 'part');
    const kept = ['--save', file, '--save-every', '2'];
    await ended([...words, ...kept], file, 0, 'SIGINT');
    expect(xenolith(...words, '--resume', file)).toMatchObject({ code: 0, out: whole.out });
  });
});
