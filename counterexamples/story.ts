import { storyFields, TraceError, type Place, type Story, type StoryField } from './trace.js';
import { quoted } from './words.js';

/*
 * # A mapping outlives its unmap.
 * #
 * # d2 maps a page of d1, unmaps it, and can still read it.
 * # Broke:  [G12] after unmap_grant_ref the gfn is empty.     Kin: XSA-286.
 * # Missed: generators never loaded a page between map and unmap;
 * #         now they do.
 *
 * Free text first, then the fields. A field goes on in the comment lines that are indented under
 * it; a second field may follow in the same line, after two spaces.
 */

/** The story as comment lines; none for an empty story. */
export function storyLines(story: Story): readonly string[] {
  const fields = storyFields.flatMap((field) => fieldLines(field, story[field]));
  const gap = story.text.length > 0 && fields.length > 0 ? [''] : [];
  return [...story.text, ...gap, ...fields].map((line) => `# ${line}`.trimEnd());
}

/** Reads comment lines, the first of which is line `first` of the file. Throws TraceError. */
export function parseStory(comments: readonly string[], file: string, first: number): Story {
  const lines = comments.map((comment) => comment.replace(/^# ?/, '').trimEnd());
  const start = lines.findIndex((line) => FIELD.test(line));
  const text = start < 0 ? lines : lines.slice(0, start);
  const fields = start < 0 ? [] : lines.slice(start);
  const place = { file, line: first + text.length, column: 1 };
  return { text: withoutBlankEnds(text), ...parseFields(fields, place) };
}

type Fields = { -readonly [Field in StoryField]?: string };

const FIELD = /^(Broke|Kin|Found|Fixed|Missed):\s*(.*)$/;
const NEXT_FIELD = /\s{2,}(?=(?:Broke|Kin|Found|Fixed|Missed):)/;
const VALUE_COLUMN = 8;

function fieldLines(field: StoryField, value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  const label = `${field.charAt(0).toUpperCase()}${field.slice(1)}:`.padEnd(VALUE_COLUMN);
  return value
    .split('\n')
    .map((line, index) => (index === 0 ? label : ' '.repeat(VALUE_COLUMN)) + line);
}

function parseFields(lines: readonly string[], place: Place): Fields {
  const fields: Fields = {};
  let last: StoryField | undefined;
  for (const [index, line] of lines.entries()) {
    for (const part of line.split(NEXT_FIELD)) {
      const at = { ...place, line: place.line + index };
      last = takePart(fields, last, part, at) ?? last;
    }
  }
  return fields;
}

/** Adds one field, or one more line of the `last`; answers the field that was begun. */
function takePart(
  fields: Fields,
  last: StoryField | undefined,
  part: string,
  at: Place,
): StoryField | undefined {
  const [, label, value] = FIELD.exec(part) ?? [];
  const field = storyFields.find((each) => each === label?.toLowerCase());
  if (field !== undefined && value !== undefined) {
    if (fields[field] !== undefined) throw new TraceError(at, 'each field once', quoted(part));
    fields[field] = value;
    return field;
  }
  if (part.trim() === '') return undefined;
  if (last === undefined || !part.startsWith('  '))
    throw new TraceError(at, 'a field (Broke:) or more of it, indented', quoted(part));
  fields[last] = `${fields[last] ?? ''}\n${part.trim()}`;
  return undefined;
}

function withoutBlankEnds(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) => line !== '');
  const last = lines.findLastIndex((line) => line !== '');
  return first < 0 ? [] : lines.slice(first, last + 1);
}
