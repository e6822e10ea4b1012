import type { Machine } from '../abi/machine.js';
import type { Boot, Line } from '../abi/program.js';
import { defaultBoot, parseBoot } from './boot-lines.js';
import { parseLine } from './lines.js';
import { parseMachine } from './machine-line.js';
import { parseStory } from './story.js';
import { TRACE_BYTES_LIMIT, TRACE_VERSION, TraceError, type Place, type Trace } from './trace.js';
import { quoted, refuseToken, right, tokensOf, Words, type Token } from './words.js';

/**
 * Reads the text of a trace. `file` is what errors call it. Throws TraceError, and nothing else,
 * at the first place where the text stops being a trace.
 */
export function parseTrace(text: string, file: string): Trace {
  if (text.length > TRACE_BYTES_LIMIT) {
    const expected = `at most ${TRACE_BYTES_LIMIT} bytes`;
    throw new TraceError({ file, line: 1, column: 1 }, expected, `${text.length}`);
  }
  const source = new Source(text, file);
  const comments = source.comments();
  parseVersion(source.next('the header: xenolith-trace 1'));
  const machine = parseMachine(opened(source.next('machine …'), 'machine'));
  const boot = parseBoots(source, machine);
  const lines: Line[] = [];
  const expectations: (string | undefined)[] = [];
  for (let row = source.take(); row !== undefined; row = source.take()) {
    const { line, expectation } = parseRow(row, lines.length, machine);
    lines.push(line);
    expectations.push(expectation);
  }
  const story = parseStory(comments.lines, file, comments.first);
  return { story, program: { machine, boot, lines }, expectations };
}

/** One line of the file, without spaces at its end. */
interface Row {
  readonly text: string;
  readonly place: Place;
}

/** The lines of a file one by one, the empty ones left out. */
class Source {
  readonly #lines: readonly string[];
  readonly #file: string;
  #next = 0;

  constructor(text: string, file: string) {
    this.#lines = text.split('\n').map((line) => line.trimEnd());
    this.#file = file;
  }

  peek(): Row | undefined {
    while (this.#lines[this.#next] === '') this.#next += 1;
    const text = this.#lines[this.#next];
    return text === undefined ? undefined : { text, place: this.#place() };
  }

  take(): Row | undefined {
    const row = this.peek();
    if (row !== undefined) this.#next += 1;
    return row;
  }

  next(expected: string): Row {
    const row = this.take();
    if (row === undefined) throw new TraceError(this.#place(), expected, 'the end of the file');
    return row;
  }

  /** The comments before the header; empty lines among them do not end them. */
  comments(): { readonly lines: readonly string[]; readonly first: number } {
    const lines: string[] = [];
    let row = this.peek();
    const first = row?.place.line ?? 1;
    while (row?.text.startsWith('#') === true) {
      while (lines.length < row.place.line - first) lines.push('');
      lines.push(row.text);
      this.#next += 1;
      row = this.peek();
    }
    return { lines, first };
  }

  #place(): Place {
    return { file: this.#file, line: Math.min(this.#next + 1, this.#lines.length), column: 1 };
  }
}

function parseVersion(row: Row): void {
  const words = opened(row, 'xenolith-trace');
  const version = words.next(`the version ${TRACE_VERSION}`);
  if (version.text !== String(TRACE_VERSION))
    refuseToken(version, `version ${TRACE_VERSION}, the only one known here`);
  words.end();
}

function parseBoots(source: Source, machine: Machine): readonly Boot[] {
  const boots: Boot[] = [];
  let isSaid = false;
  for (let row = source.peek(); row?.text.startsWith('domain') === true; row = source.peek()) {
    const boot = parseBoot(opened(row, 'domain'), machine);
    if (isSaid && boot === undefined) throw new TraceError(row.place, 'a domain', "'none'");
    if (boot !== undefined) boots.push(boot);
    isSaid = true;
    source.take();
  }
  return isSaid ? boots : defaultBoot(machine);
}

/** The words of a row that begins with `word`, without it. */
function opened(row: Row, word: string): Words {
  const [first, ...rest] = tokensOf(row.text, row.place);
  if (first?.text !== word)
    throw new TraceError(first?.place ?? row.place, `'${word} …'`, quoted(first?.text ?? ''));
  return new Words(rest, right(row.place, row.text.length));
}

function parseRow(
  { text, place }: Row,
  number: number,
  machine: Machine,
): { readonly line: Line; readonly expectation: string | undefined } {
  const [index, actor, operation] = tokensOf(text, place);
  if (index?.text !== String(number))
    throw new TraceError(index?.place ?? place, `line number ${number}`, quoted(index?.text ?? ''));
  const end = right(place, text.length);
  if (actor === undefined) throw new TraceError(end, 'a domain, or tool', 'the end of the line');
  if (operation === undefined) throw new TraceError(end, 'an operation', 'the end of the line');
  const columns = columnsAfter(operation, text);
  const given = { text: columns.text, place: columns.place, machine, line: number };
  const words = new Words(
    tokensOf(columns.text, columns.place),
    right(columns.place, columns.text.length),
  );
  const line = parseLine(actor, operation, { ...given, words });
  return { line, expectation: columns.expectation };
}

/** The operations without arguments. */
const bare: ReadonlySet<string> = new Set(['crash', 'resume']);

/** What stands right of the operation: its arguments up to two spaces, then the expectation. */
function columnsAfter(
  operation: Token,
  row: string,
): { readonly text: string; readonly place: Place; readonly expectation: string | undefined } {
  const from = operation.place.column - 1 + operation.text.length;
  const rest = row.slice(from);
  const gap = rest.length - rest.trimStart().length;
  const place = right(operation.place, operation.text.length + gap);
  const columns = rest.trimStart();
  // What follows an operation that has no arguments is the right column.
  const cut = bare.has(operation.text) ? 0 : columns.search(/\s{2,}/);
  const expectation = cut < 0 ? '' : columns.slice(cut).trim();
  return {
    text: cut < 0 ? columns : columns.slice(0, cut),
    place,
    expectation: expectation === '' ? undefined : expectation,
  };
}
