import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseTrace } from '../counterexamples/parse.js';
import { TRACE_BYTES_LIMIT, type Trace } from '../counterexamples/trace.js';
import { UsageError } from './exit.js';

/** Reading what people name on the command line, and writing without writing over anything. */

/** The traces that files and directories name, in order; a directory stands for its `.trace`s. */
export function tracePaths(named: readonly string[]): readonly string[] {
  const paths = named.flatMap((path) => {
    if (!asked(path, () => statSync(path)).isDirectory()) return [path];
    const inside = asked(path, () => readdirSync(path))
      .filter((name) => name.endsWith('.trace'))
      .toSorted()
      .map((name) => join(path, name));
    if (inside.length === 0) throw new UsageError(`${path}:1:1: no .trace file in this directory`);
    return inside;
  });
  return [...new Set(paths)];
}

/** Reads one trace. Throws UsageError or TraceError with file, line and column. */
export function readTrace(path: string): Trace {
  const stat = asked(path, () => statSync(path));
  if (!stat.isFile()) throw new UsageError(`${path}:1:1: expected a trace, found no regular file`);
  if (stat.size > TRACE_BYTES_LIMIT)
    throw new UsageError(
      `${path}:1:1: expected at most ${TRACE_BYTES_LIMIT} bytes, found ${stat.size}`,
    );
  return parseTrace(
    asked(path, () => readFileSync(path, 'utf8')),
    path,
  );
}

/** Files with one of the endings in a directory, in order; or the one file that is named. */
export function filesIn(directory: string, endings: readonly string[]): readonly string[] {
  if (!asked(directory, () => statSync(directory)).isDirectory()) {
    if (endings.some((ending) => directory.endsWith(ending))) return [directory];
    throw new UsageError(
      `${directory}: expected a directory, or a file in ${endings.join(' or ')}`,
    );
  }
  const names = asked(directory, () => readdirSync(directory))
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .toSorted();
  if (names.length === 0)
    throw new UsageError(`${directory}: no file that ends in ${endings.join(' or ')}`);
  return names.map((name) => join(directory, name));
}

/**
 * Writes a new file, making its directory. If there is a file of this name already it is left as it
 * is: true means written, false that the same text was there. Another text is a UsageError.
 */
export function writeNew(path: string, text: string): boolean {
  asked(path, () => mkdirSync(join(path, '..'), { recursive: true }));
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw refused(path, error);
  }
  const isSame = lstatSync(path).isFile() && readFileSync(path, 'utf8') === text;
  if (isSame) return false;
  throw new UsageError(`${path}: there is another file of this name; it was not written over`);
}

/** For what takes long to make: a file of this name is a UsageError before the work begins. */
export function refuseExisting(path: string): void {
  if (existsSync(path))
    throw new UsageError(`${path}: there is a file of this name; it is not written over`);
}

/** What the file system answers; its refusals are the user's to mend. */
function asked<Answer>(path: string, ask: () => Answer): Answer {
  try {
    return ask();
  } catch (error) {
    throw refused(path, error);
  }
}

const refused = (path: string, error: unknown): UsageError =>
  new UsageError(
    `${path}:1:1: ${reasons.get(codeOf(error)) ?? `cannot be used (${codeOf(error)})`}`,
  );

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

const reasons = new Map([
  ['ENOENT', 'no such file'],
  ['EACCES', 'not allowed to use it'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of this path is not a directory'],
]);
