import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The checkout, and the built command line in it, as its users run it. */
export const root = join(import.meta.dirname, '..', '..');
export const main = join(root, 'dist', 'cli', 'main.js');

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command line to its end. */
export function xenolith(...words: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { code: status, out: stdout, err: stderr };
}
