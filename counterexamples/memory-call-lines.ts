import type { DomainId, Gfn } from '../abi/ids.js';
import {
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  type AddToPhysmap,
  type AddToPhysmapBatch,
  type Exchange,
  type MemoryCall,
  type Populate,
  type PhysmapEntry,
} from '../abi/step.js';
import { whole, wordsOfEach } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { domainText, gfnText, listOf, listText, parseDomain, parseGfn } from './names.js';
import { parseResource, resourceText } from './resource-lines.js';
import { between, hex, parseLong, parseNumber, u16, u32 } from './numbers.js';
import type { Token, Words } from './words.js';
import { orZero, unlessZero } from './zero-words.js';

/*
 * populate_physmap      self gfns=0x3,0x4 order=1
 * populate_physmap      d1 gfns=0x3 on_demand=1
 * increase_reservation  self count=2 order=1
 * add_to_physmap        self space=grant_table index=0x0 gfn=0x8 size=2
 * add_to_physmap_batch  self space=gmfn_foreign foreign=1 ; 0x3 at=0x8 ; 0x4 at=0x9
 * exchange              self given=0x3,0x4 taken=0x8 taken_order=1
 *
 * Orders, sizes and the foreign domain are 0 unless written; a list of none is `none`.
 */

export function memoryCallText(line: MemoryCall): string {
  const target = domainText(line.target);
  switch (line.op) {
    case 'populate_physmap':
      return populateText(line);
    case 'decrease_reservation':
      return `${target} gfns=${gfnsText(line.extents)}${unlessZero('order', line.order)}`;
    case 'increase_reservation':
      return `${target} count=${line.count}${unlessZero('order', line.order)}`;
    case 'add_to_physmap':
      return `${target} ${physmapText(line)}`;
    case 'add_to_physmap_batch':
      return `${target} ${physmapBatchText(line)}`;
    case 'remove_from_physmap':
      return `${target} gfn=${gfnText(line.gfn)}`;
    case 'exchange':
      return `${target} ${exchangeText(line)}`;
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return target;
    case 'claim_pages':
    case 'acquire_resource':
      return resourceText(line);
  }
}

export function parseMemoryCall(op: MemoryCall['op'], by: Caller, given: Arguments): MemoryCall {
  const { words } = given;
  switch (op) {
    case 'populate_physmap':
      return { op, ...by, ...whole(words, parsePopulate) };
    case 'decrease_reservation':
      return { op, ...by, ...whole(words, parseExtents) };
    case 'increase_reservation':
      return { op, ...by, ...whole(words, parseIncrease) };
    case 'add_to_physmap':
      return { op, ...by, ...whole(words, parsePhysmap) };
    case 'add_to_physmap_batch':
      return { op, ...by, ...parsePhysmapBatch(given) };
    case 'remove_from_physmap':
      return { op, ...by, ...whole(words, parseRemove) };
    case 'exchange':
      return { op, ...by, ...whole(words, parseExchange) };
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return { op, ...by, target: whole(words, parseTarget) };
    case 'claim_pages':
    case 'acquire_resource':
      return parseResource(op, by, given);
  }
}

const parseTarget = (words: Words): DomainId => parseDomain(words.next('a domain (d1, self, …)'));

const gfnsText = (gfns: readonly Gfn[]): string => listText(gfns.map(gfnText));
const parseGfns = (token: Token): readonly Gfn[] => listOf(token, parseGfn);

type Rest<Call> = Omit<Call, 'op' | 'caller' | 'vcpu'>;

function parseExtents(words: Words): { target: DomainId; extents: readonly Gfn[]; order: number } {
  return {
    target: parseTarget(words),
    extents: parseGfns(words.keyed('gfns', 'a list of gfns')),
    order: orZero(words, 'order', u32),
  };
}

function populateText({ target, extents, order, onDemand }: Populate): string {
  const rest = unlessZero('order', order) + unlessZero('on_demand', onDemand === true ? 1 : 0);
  return `${domainText(target)} gfns=${gfnsText(extents)}${rest}`;
}

function parsePopulate(words: Words): Rest<Populate> {
  const extents = parseExtents(words);
  return orZero(words, 'on_demand', between(0, 1)) === 0 ? extents : { ...extents, onDemand: true };
}

function parseIncrease(words: Words): { target: DomainId; count: number; order: number } {
  return {
    target: parseTarget(words),
    count: parseNumber(words.keyed('count', 'a number of extents'), u32),
    order: orZero(words, 'order', u32),
  };
}

function parseRemove(words: Words): { target: DomainId; gfn: Gfn } {
  return { target: parseTarget(words), gfn: parseGfn(words.keyed('gfn', 'a gfn')) };
}

const spaces: readonly (readonly [string, number])[] = [
  ['shared_info', XENMAPSPACE_shared_info],
  ['grant_table', XENMAPSPACE_grant_table],
  ['gmfn', XENMAPSPACE_gmfn],
  ['gmfn_range', XENMAPSPACE_gmfn_range],
  ['gmfn_foreign', XENMAPSPACE_gmfn_foreign],
  ['dev_mmio', XENMAPSPACE_dev_mmio],
];

const spaceText = (space: number): string =>
  `space=${spaces.find(([, number]) => number === space)?.[0] ?? space}`;

function parseSpace(words: Words): number {
  const token = words.keyed('space', 'the name or number of a space');
  const named = spaces.find(([name]) => name === token.text);
  return named?.[1] ?? parseNumber(token, { ...u32, what: 'the name or number of a space' });
}

function physmapText(line: AddToPhysmap): string {
  const size = unlessZero('size', line.size);
  return `${spaceText(line.space)} index=${hex(line.index)} gfn=${gfnText(line.gfn)}${size}`;
}

function parsePhysmap(words: Words): Rest<AddToPhysmap> {
  return {
    target: parseTarget(words),
    space: parseSpace(words),
    index: parseLong(words.keyed('index', 'an index')),
    gfn: parseGfn(words.keyed('gfn', 'a gfn')),
    size: orZero(words, 'size', u16),
  };
}

function physmapBatchText(line: AddToPhysmapBatch): string {
  const entries = line.entries.map(({ index, gfn }) => `${hex(index)} at=${gfnText(gfn)}`);
  return [spaceText(line.space) + unlessZero('foreign', line.foreign), ...entries].join(' ; ');
}

function parsePhysmapBatch({ text, place, words }: Arguments): Rest<AddToPhysmapBatch> {
  const [head = words, ...entries] = wordsOfEach(text, place);
  const call = whole(head, (each) => ({
    target: parseTarget(each),
    space: parseSpace(each),
    foreign: orZero(each, 'foreign', u16),
  }));
  return { ...call, entries: entries.map((entry) => whole(entry, parseEntry)) };
}

function parseEntry(words: Words): PhysmapEntry {
  return {
    index: parseLong(words.next('an index')),
    gfn: parseGfn(words.keyed('at', 'a gfn')),
  };
}

function exchangeText(line: Exchange): string {
  const given = `given=${gfnsText(line.given)}${unlessZero('given_order', line.givenOrder)}`;
  const taken = `taken=${gfnsText(line.taken)}${unlessZero('taken_order', line.takenOrder)}`;
  return `${given} ${taken}`;
}

function parseExchange(words: Words): Rest<Exchange> {
  return {
    target: parseTarget(words),
    given: parseGfns(words.keyed('given', 'a list of gfns')),
    givenOrder: orZero(words, 'given_order', u32),
    taken: parseGfns(words.keyed('taken', 'a list of gfns')),
    takenOrder: orZero(words, 'taken_order', u32),
  };
}
