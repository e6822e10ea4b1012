import { CONTROL, Gfn, GrantRef, VcpuId } from '../../abi/ids.js';
import type { FlushElement, Step, TransferElement } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Fields } from './fields.js';
import {
  domainOf,
  notBuilt,
  u16,
  u32,
  u64,
  valued,
  type Meaning,
  type NotBuilt,
} from './meaning.js';

/** What the recorded control domain did with machine frames; guests are refused both. */

export const transferStep = (elements: readonly Fields[]): Step => ({
  op: 'transfer',
  ...by,
  elements: elements.map(transferElement),
});

const by = { caller: CONTROL, vcpu: VcpuId(0) };

/** A page that is not named as one of its own is somebody else's, or there is none. */
const transferElement = (args: Fields): TransferElement => ({
  gfn: Gfn(args.has('mfn') ? u64(args.quantity('mfn')) : NOBODYS_FRAME),
  target: domainOf(args, 'dom'),
  ref: GrantRef(args.has('ref') ? u32(args.quantity('ref')) : 0),
});

/** The number that no machine of ours has. */
export const NOBODYS_FRAME = 0xfff_ffff;

/**
 * Recorded machine addresses are those of another machine: what is recorded can be judged as long as
 * nobody looks whose they are.
 */
export function writeBackCall(elements: readonly Fields[]): Meaning | NotBuilt {
  const all = elements.map(flushElement);
  const last = all.findIndex(isRefused);
  const judged = last < 0 ? all : all.slice(0, last + 1);
  if (judged.some((element) => !isRefused(element) && !isNothing(element)))
    return notBuilt('gnt.cache_flush of a machine address');
  return valued({ op: 'write_back', ...by, elements: judged });
}

const flushElement = (args: Fields): FlushElement => ({
  deviceAddress: NOBODYS_FRAME * PAGE_BYTES,
  offset: args.has('off') ? u16(args.quantity('off')) : 0,
  length: args.has('len') ? u16(args.quantity('len')) : 0,
  flags: args.has('flags') ? u32(args.quantity('flags')) : 0,
});

const isRefused = ({ offset, length, flags }: FlushElement): boolean =>
  offset >= PAGE_BYTES || offset + length > PAGE_BYTES || flags > 3;

const isNothing = ({ length, flags }: FlushElement): boolean => length === 0 || flags === 0;
