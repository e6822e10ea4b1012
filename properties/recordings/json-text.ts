import { RecordingError } from './recording-error.js';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Parses JSON text. Throws a `RecordingError` with line and column where it is not JSON. */
export function parseJson(text: string, file: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    const at = firstMistake(text);
    const before = text.slice(0, at).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    const found = at < text.length ? JSON.stringify(text.charAt(at)) : 'the end of the file';
    throw new RecordingError(
      file,
      `line ${before.length}, column ${column}`,
      `not JSON: unexpected ${found}`,
    );
  }
}

/**
 * The offset of the first character that no JSON text could have there. The engine's own message
 * does not always say where, so this looks again, without recursion: nesting may be absurd.
 */
export function firstMistake(text: string): number {
  const open: ('{' | '[')[] = [];
  let want: 'value' | 'key' | 'after' = 'value';
  let justOpened = false;
  let at = skipBlank(text, 0);
  for (; at < text.length; at = skipBlank(text, at)) {
    const c = text.charAt(at);
    const inside = open.at(-1);
    if (want === 'after') {
      if (inside !== undefined && c === ',') want = inside === '{' ? 'key' : 'value';
      else if (closes(inside, c)) open.pop();
      else return at;
      justOpened = false;
      at++;
    } else if (justOpened && closes(inside, c)) {
      open.pop();
      [want, justOpened] = ['after', false];
      at++;
    } else if (want === 'key') {
      const end = keyEnd(text, at);
      if (!end.good) return end.at;
      [want, justOpened, at] = ['value', false, end.at];
    } else if (c === '{' || c === '[') {
      open.push(c);
      [want, justOpened] = [c === '{' ? 'key' : 'value', true];
      at++;
    } else {
      const end = scalarEnd(text, at);
      if (!end.good) return end.at;
      [want, justOpened, at] = ['after', false, end.at];
    }
  }
  return at;
}

interface End {
  readonly good: boolean;
  readonly at: number;
}

const BLANK = /[ \t\n\r]*/y;
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

const skipBlank = (text: string, at: number): number => matchEnd(BLANK, text, at);

const closes = (open: '{' | '[' | undefined, c: string): boolean =>
  (open === '{' && c === '}') || (open === '[' && c === ']');

function stringEnd(text: string, at: number): End {
  const end = matchEnd(STRING, text, at);
  return text.charAt(end) === '"' && end > at
    ? { good: true, at: end + 1 }
    : { good: false, at: end };
}

function keyEnd(text: string, at: number): End {
  const key = stringEnd(text, at);
  if (!key.good) return key;
  const colon = skipBlank(text, key.at);
  return { good: text.charAt(colon) === ':', at: text.charAt(colon) === ':' ? colon + 1 : colon };
}

function scalarEnd(text: string, at: number): End {
  if (text.charAt(at) === '"') return stringEnd(text, at);
  const end = Math.max(matchEnd(NUMBER, text, at), matchEnd(WORD, text, at));
  return { good: end > at, at: end };
}
