import {
  marshalledCalls,
  type Line,
  type MarshalledCall,
  type MarshalledLine,
} from '../abi/program.js';
import { layouts, type Layout } from '../abi/layouts.js';
import { accessors, type Accessor, type Hypercall } from '../abi/step.js';
import type { Arguments, Caller } from './arguments.js';
import { whole } from './batch.js';
import { parseVa, vaText } from './linear-lines.js';
import { addressText, parseAddress } from './names.js';
import { parseNumber, u32 } from './numbers.js';
import { refuseToken, right, tokensOf, Words, type Token } from './words.js';

/*
 * hypercall   number=20 command=10 va=0x6000 count=2 compat user
 * marshalled  place=0x6 va=0x6000 compat count=3 : map d1/9 at=0x6 ro
 *
 * A count of 1, the native layout and the kernel are not written. Behind the colon is the call whose
 * arguments are stored; its count is written where it is not the number of its elements.
 */

/** `callText` prints the call whose arguments are stored, as a line of its own would have it. */
export function hypercallText(
  line: Hypercall | MarshalledLine,
  callText: (call: MarshalledCall) => string,
): string {
  if (line.op === 'marshalled') return marshalledText(line, callText);
  const count = line.count === 1 ? '' : ` count=${line.count}`;
  return `number=${line.number} command=${line.command} va=${vaText(line.argument)}${count}${manner(line)}`;
}

/** `parseLine` reads the call whose arguments are stored as a line: its operation and arguments. */
export function parseHypercall(
  op: 'hypercall' | 'marshalled',
  by: Caller,
  given: Arguments,
  parseLine: (operation: Token, given: Arguments) => Line,
): Hypercall | MarshalledLine {
  if (op === 'marshalled') return parseMarshalled(by, given, parseLine);
  const { words } = given;
  return { op, ...by, ...whole(words, parseRegisters) };
}

function parseRegisters(words: Words): Omit<Hypercall, 'op' | 'caller' | 'vcpu'> {
  const number = parseNumber(words.keyed('number', 'the number of a hypercall'), u32);
  const command = parseNumber(words.keyed('command', 'the number of an operation'), u32);
  const count = parseCount(words) ?? 1;
  return { number, command, argument: parseVa(words), count, ...parseManner(words) };
}

function marshalledText(line: MarshalledLine, callText: (call: MarshalledCall) => string): string {
  const count = line.count === undefined ? '' : ` count=${line.count}`;
  const where = `place=${addressText(line.place)} va=${vaText(line.linear)}${count}`;
  return `${where}${manner(line)}${COLON}${callText(line.call)}`;
}

function parseMarshalled(
  by: Caller,
  given: Arguments,
  parseLine: (operation: Token, given: Arguments) => Line,
): MarshalledLine {
  const at = given.text.indexOf(COLON);
  const head = at < 0 ? given.text : given.text.slice(0, at);
  const wordsOf = (text: string, column: number): Words => {
    const place = right(given.place, column);
    return new Words(tokensOf(text, place), right(place, text.length));
  };
  const where = whole(wordsOf(head, 0), (words) => {
    const place = parseAddress(words.keyed('place', 'an address'));
    const count = parseCount(words);
    return { place, linear: parseVa(words), count, ...parseManner(words) };
  });
  const column = head.length + COLON.length;
  const rest = given.text.slice(column);
  const operation = /^\S*/.exec(rest)?.[0] ?? '';
  const skipped = operation.length + 1;
  const text = rest.slice(skipped);
  const place = right(given.place, column + skipped);
  const token = wordsOf(operation, column).next('a call, behind a colon');
  const words = wordsOf(text, column + skipped);
  const call = parseLine(token, { ...given, text, place, words });
  if (!isMarshalled(call)) return refuseToken(token, 'a call that has arguments in memory');
  return { op: 'marshalled', ...by, ...where, call };
}

const COLON = ' : ';

const isMarshalled = (line: Line): line is MarshalledCall =>
  Object.hasOwn(marshalledCalls, line.op);

const parseCount = (words: Words): number | undefined => {
  const token = words.optional('count');
  return token === undefined ? undefined : parseNumber(token, u32);
};

const manner = ({ layout, as }: { readonly layout: Layout; readonly as: Accessor }): string =>
  (layout === 'native' ? '' : ` ${layout}`) + (as === 'kernel' ? '' : ` ${as}`);

function parseManner(words: Words): { readonly layout: Layout; readonly as: Accessor } {
  const layout = words.word(...layouts);
  const who = words.word(...accessors);
  return {
    layout: layouts.find((each) => each === layout) ?? 'native',
    as: accessors.find((each) => each === who) ?? 'kernel',
  };
}
