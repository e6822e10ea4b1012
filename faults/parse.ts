import { FaultError, type Change, type Fault } from './fault.js';

/*
 * A .fault file, line by line:
 *
 *   # a comment
 *   Title:   A mapping outlives its unmap.
 *   Kin:     XSA-286
 *   Breaks:  [G2] [I14]
 *   In:      impl/hypercalls/unmap-grant.ts
 *   Find:    removeEntry(gfn);
 *   Put:
 *
 * Title, Kin and Breaks come once, in any order; then one In, Find, Put for each place. A text of
 * several lines stands below its field, behind a margin, and is taken as it is:
 *
 *   Find:
 *     | if (pins === 0)
 *     |   clear(reading);
 */

/** A field as it stands in the file, with its text and the line it starts in (from 1). */
interface Field {
  readonly name: string;
  readonly text: string;
  readonly line: number;
}

const headings = ['Title', 'Kin', 'Breaks', 'In', 'Find', 'Put'] as const;
const LINES_LIMIT = 400;

/** Reads the text of `<id>.fault`. Throws FaultError at the first thing that is not as drawn. */
export function parseFault(id: string, text: string): Fault {
  const file = `${id}.fault`;
  const fields = fieldsOf(file, text);
  const only = (name: string): string => {
    const [field, again] = fields.filter((candidate) => candidate.name === name);
    if (field === undefined) throw new FaultError(file, 1, `a field ${name}`, 'none');
    if (again !== undefined)
      throw new FaultError(file, again.line, `one field ${name}`, 'another one');
    if (field.text.trim() === '') throw new FaultError(file, field.line, `a ${name}`, 'nothing');
    return field.text;
  };
  const breaks = ruleIds(only('Breaks'));
  if (breaks === undefined) throw new FaultError(file, 1, 'rule ids such as [G2]', only('Breaks'));
  const changes = changesOf(
    file,
    fields.filter(({ name }) => name === 'In' || name === 'Find' || name === 'Put'),
  );
  return { id, title: only('Title'), kin: only('Kin'), breaks, changes };
}

/** The ids in '[G2] [I14]'; undefined where anything else stands there too, or nothing. */
function ruleIds(text: string): readonly string[] | undefined {
  const words = text.trim().split(/\s+/);
  if (!words.every((word) => /^\[[A-Z]\d+(\.\d+)?\]$/.test(word))) return undefined;
  return words.map((word) => word.slice(1, -1));
}

function changesOf(file: string, fields: readonly Field[]): readonly Change[] {
  const changes: Change[] = [];
  for (let i = 0; i < fields.length; i += 3) {
    const [place, find, put] = ['In', 'Find', 'Put'].map((name, offset) => {
      const field = fields[i + offset];
      if (field?.name === name) return field;
      const line = field?.line ?? fields.at(-1)?.line ?? 1;
      throw new FaultError(file, line, `a field ${name}`, field?.name ?? 'the end of the file');
    });
    if (place === undefined || find === undefined || put === undefined) continue;
    if (find.text === '') throw new FaultError(file, find.line, 'a text to find', 'nothing');
    if (!/^impl\/[\w/-]+\.ts$/.test(place.text))
      throw new FaultError(file, place.line, 'a file of impl/, such as impl/x.ts', place.text);
    changes.push({ file: place.text, find: find.text, put: put.text });
  }
  if (changes.length === 0) throw new FaultError(file, 1, 'at least one In, Find, Put', 'none');
  return changes;
}

function fieldsOf(file: string, text: string): readonly Field[] {
  const lines = text.split(/\r?\n/);
  if (lines.length > LINES_LIMIT)
    throw new FaultError(file, LINES_LIMIT, 'a short file', `${lines.length} lines`);
  const fields: Field[] = [];
  let margin: string[] = [];
  for (const [index, line] of lines.entries()) {
    const last = fields.at(-1);
    const behind = /^\s+\| ?(.*)$/.exec(line)?.[1];
    if (behind !== undefined && last !== undefined && (last.text === '' || margin.length > 0)) {
      margin.push(behind);
      fields[fields.length - 1] = { ...last, text: margin.join('\n') };
      continue;
    }
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, value] = /^([A-Z][a-z]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined || !headings.some((known) => known === name))
      throw new FaultError(file, index + 1, `one of ${headings.join(', ')}`, line.trim());
    fields.push({ name, text: value, line: index + 1 });
    margin = [];
  }
  return fields;
}
