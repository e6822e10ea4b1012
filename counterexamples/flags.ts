import { partsOf } from './names.js';
import { hex, parseNumber, type Range } from './numbers.js';
import { refuseToken, type Token } from './words.js';

/** The bits of a number that have names, lowest first. */
export type Flags = Readonly<Record<string, number>>;

/** The names of the bits that are set; bits without a name are one number at the end. */
export function flagParts(value: number, flags: Flags): readonly string[] {
  const named = Object.entries(flags).filter(([, bit]) => (value & bit) !== 0);
  const rest = named.reduce((left, [, bit]) => left & ~bit, value) >>> 0;
  return [...named.map(([name]) => name), ...(rest === 0 ? [] : [hex(rest)])];
}

/** `pe+wp+pg` where every bit that is set has a name and there is one, else a number. */
export function flagsText(value: number, flags: Flags): string {
  const parts = flagParts(value, flags);
  const isNamed = parts.length > 0 && parts.every((part) => Object.hasOwn(flags, part));
  return isNamed ? parts.join('+') : hex(value);
}

/** Names and numbers joined by `+`, no bit twice. Throws TraceError. */
export function parseFlags(token: Token, flags: Flags, range: Range): number {
  const what = `${Object.keys(flags).join('+')}, or ${range.what}`;
  let value = 0;
  for (const part of partsOf(token, '+')) {
    const named = Object.hasOwn(flags, part.text) ? flags[part.text] : undefined;
    const bits = named ?? parseNumber(part, { ...range, what });
    if ((value & bits) !== 0) refuseToken(part, 'no bit twice');
    value = (value | bits) >>> 0;
  }
  return value;
}
