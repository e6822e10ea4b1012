import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readWalks } from '../decode.js';
import type { WalkCase, WalkFile } from '../recorded-case.js';

export const recordedFolder = join(import.meta.dirname, '..', 'recorded');

export const recordedNames: readonly string[] = readdirSync(recordedFolder)
  .filter((name) => name.endsWith('.json.gz'))
  .map((name) => name.replace('.json.gz', ''))
  .toSorted();

/** A file of the project's own recordings. */
export const recordedFile = (name: string): WalkFile =>
  readWalks(join(recordedFolder, `${name}.json.gz`));

/** Cases of a file whose name begins with one of these, each of which there is. */
export function casesNamed(file: string, ...beginnings: readonly string[]): readonly WalkCase[] {
  const { cases } = recordedFile(file);
  return beginnings.flatMap((beginning) => {
    const found = cases.filter(({ name }) => name.startsWith(beginning));
    if (found.length === 0) throw new Error(`no case '${beginning}' in ${file}`);
    return found;
  });
}
