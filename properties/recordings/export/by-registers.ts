import { CONTROL, GuestPhysical, type DomainId } from '../../../abi/ids.js';
import type { Line, MarshalledCall, MarshalledLine } from '../../../abi/program.js';
import type { Load } from '../../../abi/step.js';
import { PAGE_BYTES } from '../../../abi/word.js';
import { get } from '../../../values/keyed.js';
import { pick } from '../../choose.js';
import { addressOf, ramGfn, usedGfn } from '../../generate/places.js';
import type { Scene } from '../../generate/scene.js';

/**
 * The same call with its arguments in memory of the caller's, where it can be told what comes of it.
 * What a map answers is not: its handle and frame would be in memory, where no recording names them.
 */
export function byRegisters(scene: Scene, line: Line): MarshalledLine | undefined {
  const call = plainCall(line);
  if (call === undefined) return undefined;
  const { choose } = scene;
  const domain = scene.domain(call.caller);
  if (domain === undefined) return undefined;
  const gfn = pointless.has(call.op) ? usedGfn(scene, domain) : ramGfn(scene, domain);
  const place = addressOf(gfn, pick(choose, [0, 256, 1024, 4080, 4088, 4093]));
  const isReadBack = pointless.has(call.op) || isPlain(scene, call.caller, place);
  if (!isReadBack || place > 2 ** 31) return undefined;
  const { caller, vcpu } = call;
  const linear = { low: place, high: 0 };
  const registers = { layout: 'native', as: 'kernel', count: undefined } as const;
  return { op: 'marshalled', caller, vcpu, ...registers, place, linear, call };
}

/** Calls that name neither gfns nor lists: whatever is read for them does no harm. */
const pointless: ReadonlySet<MarshalledCall['op']> = new Set([
  'swap',
  'query_size',
  'set_version',
  'get_version',
  'current_reservation',
  'maximum_reservation',
]);

function plainCall(line: Line): MarshalledCall | undefined {
  switch (line.op) {
    case 'unmap':
    case 'copy':
    case 'swap':
    case 'query_size':
    case 'set_version':
    case 'get_version':
    case 'populate_physmap':
    case 'decrease_reservation':
    case 'add_to_physmap':
    case 'add_to_physmap_batch':
    case 'remove_from_physmap':
    case 'exchange':
    case 'current_reservation':
    case 'maximum_reservation':
      return line.caller === CONTROL ? undefined : line;
    default:
      return undefined;
  }
}

/** Whether the caller reads what it writes, on this page and on the next. */
function isPlain(scene: Scene, caller: DomainId, place: GuestPhysical): boolean {
  const gfn = Math.floor(place / PAGE_BYTES);
  const { layout } = scene;
  return [gfn, gfn + 1].every((each) => {
    const entry = get(scene.domain(caller)?.p2m, each);
    return each >= layout.ram && each < layout.table && entry?.type === 'ram_rw';
  });
}

/** What is in the first words of the arguments afterwards. */
export const wordsAt = ({ caller, vcpu, place }: MarshalledLine): readonly Load[] =>
  Array.from({ length: 5 }, (_, i) => ({
    op: 'load',
    caller,
    vcpu,
    address: GuestPhysical(place + 8 * i),
    size: 8,
  }));
