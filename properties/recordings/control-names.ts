import { PAGE_BYTES } from '../../abi/word.js';
import { WINDOW_ADDRESS, WINDOWS } from '../../abi/windows.js';
import type { Json, JsonObject } from './json-text.js';
import { isList, type Fields } from './fields.js';

/*
 * The rig names what the control domain has: `win:2` is the address of a window, `ram:3` that of a
 * page of its own, or, where a frame is asked for, that page's machine frame.
 */

/** The arguments with numbers for names; a step of a guest has none. */
export const withNumbers = (args: Fields): Fields => args.replaced(numbered(args.rawObject()));

function numbered(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, numberFor(key, value)]),
  );
}

function numberFor(key: string, value: Json): Json {
  if (isList(value)) return value.map((each) => numberFor(key, each));
  if (typeof value === 'object' && value !== null) return numbered(value);
  const named = typeof value === 'string' ? /^(win|ram):(\d{1,3})$/.exec(value) : null;
  if (named === null) return value;
  const n = Number(named[2]);
  if (named[1] === 'win') return WINDOW_ADDRESS + n * PAGE_BYTES;
  return isFrame.has(key) ? n : WINDOW_ADDRESS + (WINDOWS + n) * PAGE_BYTES;
}

const isFrame: ReadonlySet<string> = new Set(['frame', 'gfn', 'idx', 'mfn']);
