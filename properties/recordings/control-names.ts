import { CONTROL, DOMID_SELF } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { ENTRY_ADDRESS } from '../../abi/control-grants.js';
import { WINDOW_ADDRESS, WINDOWS } from '../../abi/windows.js';
import type { Json, JsonObject } from './json-text.js';
import { NOBODYS_FRAME } from './frame-calls.js';
import type { Expected } from './expected.js';
import { isList, type Fields } from './fields.js';
import type { Meaning, NotBuilt } from './meaning.js';

/*
 * The rig names what the control domain has: `win:2` is the address of a window, `ram:3` that of a
 * page of its own, or, where a frame is asked for, that page's machine frame. `winpte:2` is where the
 * page-table entry of a window is.
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
  const named = typeof value === 'string' ? /^(win|winpte|ram):(\d{1,3})$/.exec(value) : null;
  // Of machine frames written by number none is the control domain's.
  const isNobodys = key === 'mfn' || (key === 'frame' && value !== 0);
  if (named === null) return isNobodys ? NOBODYS_FRAME : value;
  const n = Number(named[2]);
  if (named[1] === 'win') return WINDOW_ADDRESS + n * PAGE_BYTES;
  if (named[1] === 'winpte') return ENTRY_ADDRESS + n * ENTRY_BYTES;
  return isFrame.has(key) ? n : WINDOW_ADDRESS + (WINDOWS + n) * PAGE_BYTES;
}

const ENTRY_BYTES = 8;

const isFrame: ReadonlySet<string> = new Set(['frame', 'gfn', 'idx', 'mfn']);

/**
 * The machine frames of the control domain's own grant table: the recorded numbers, and those that the
 * contract gives them.
 */
export class TableFrames {
  readonly #machine: Machine;
  readonly #ours = new Map<bigint, number>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** A call that answers where its table is, with our numbers in what is expected of it. */
  told(meaning: Meaning | NotBuilt, args: Fields): Meaning | NotBuilt {
    const [step] = 'steps' in meaning ? meaning.steps : [];
    if ('notBuilt' in meaning || step?.op !== 'setup_table') return meaning;
    if (step.target !== DOMID_SELF && step.target !== CONTROL) return meaning;
    const first = this.#machine.guestFrames + this.#machine.controlPages + 1;
    const expect = (result: Fields): readonly Expected[] => {
      if (!result.has('frames')) return meaning.expect(result);
      const frames = result
        .quantities('frames')
        .map((frame, i) => this.#ourNumber(frame, first + i));
      return meaning.expect(args.replaced({ ...result.rawObject(), frames }));
    };
    return { ...meaning, expect };
  }

  /** A frame keeps the number it had first; no other frame has that. */
  #ourNumber(frame: bigint, next: number): number {
    const known = this.#ours.get(frame);
    if (known !== undefined) return known;
    if ([...this.#ours.values()].includes(next)) return NOBODYS_FRAME;
    this.#ours.set(frame, next);
    return next;
  }

  /** A window on the table is asked for by its machine frame. */
  renamed(operation: string, args: Fields): Fields {
    if (operation !== 'mapforeign' || args.raw('dom') !== Number(DOMID_SELF)) return args;
    const ours = this.#ours.get(args.quantity('gfn'));
    return ours === undefined ? args : args.replaced({ ...args.rawObject(), gfn: ours });
  }
}
