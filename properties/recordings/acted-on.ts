import type { Fields } from './fields.js';
import type { Json } from './json-text.js';

/**
 * The domains whose memory an operation asks for. Each may be crashed by that, where none is left to be
 * populated on demand; the rig notices at its next step.
 */
export const actedOn = (operation: string, args: Fields): readonly number[] =>
  looks.has(operation) ? [] : named(args.rawObject());

/** Operations that name a domain and leave its memory alone. */
const looks: ReadonlySet<string> = new Set([
  'dominfo',
  'create',
  'destroy',
  'maxmem',
  'gt.write',
  'mem.claim',
  'mem.acquire',
]);

const named = (value: Json): readonly number[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, part]) =>
        key === 'dom' && typeof part === 'number' ? [part] : named(part),
      );
