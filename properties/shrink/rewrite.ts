import { DOMID_SELF, Gfn, GrantRef, Handle, type DomainId } from '../../abi/ids.js';
import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../abi/grant-table.js';
import type { Line, UnmapLineElement } from '../../abi/program.js';
import type { Access, CopySide, MemoryCall } from '../../abi/step.js';
import { rewriteGrant } from './rewrite-grant.js';
import { rewriteHypercall, rewriteMarshalled } from './rewrite-hypercalls.js';
import { ownOf, rewriteAddress, rewriteWord, type Rewrite } from './rewrite-numbers.js';
import { rewriteControlGrant, rewriteWindow } from './rewrite-windows.js';
import { rewriteControl, rewriteLinear, rewritePte } from './rewrite-paging.js';
import { rewriteToolstack } from './rewrite-toolstack.js';

/**
 * A line with every number replaced, in the order in which they are printed. Handles that are named
 * by their line, lists and words stay what they are; a domain's configuration is left alone.
 */
export function rewriteLine(line: Line, by: Rewrite): Line {
  switch (line.op) {
    case 'load':
    case 'store':
    case 'cmpxchg':
    case 'xadd':
    case 'fetch':
    case 'crash':
      return rewriteAccess(line, by);
    case 'load_linear':
    case 'store_linear':
    case 'cmpxchg_linear':
    case 'xadd_linear':
    case 'fetch_linear':
      return rewriteLinear(line, by);
    case 'cr0':
    case 'cr3':
    case 'cr4':
    case 'efer':
    case 'pkru':
    case 'invlpg':
      return rewriteControl(line, by);
    case 'pte':
      return rewritePte(line, by);
    case 'interrupt':
      return { ...line, ...ownOf(line, by), after: by.number(line.after, 'count') };
    case 'resume':
      return { ...line, ...ownOf(line, by) };
    case 'populate_physmap':
    case 'decrease_reservation':
    case 'increase_reservation':
    case 'add_to_physmap':
    case 'add_to_physmap_batch':
    case 'remove_from_physmap':
    case 'exchange':
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
    case 'claim_pages':
    case 'acquire_resource':
      return rewriteMemory(line, by);
    case 'map_foreign':
    case 'unmap_window':
      return rewriteWindow(line, by);
    case 'unmap_and_replace':
    case 'get_status_frames':
    case 'transfer':
    case 'write_back':
      return rewriteControlGrant(line, by);
    case 'map':
    case 'unmap':
    case 'copy':
    case 'swap':
      return rewriteBatch(line, by);
    case 'hypercall':
      return rewriteHypercall(line, by);
    case 'marshalled':
      return rewriteMarshalled(line, by, rewriteLine);
    case 'grant':
    case 'setup_table':
    case 'query_size':
    case 'set_version':
    case 'get_version':
    case 'refused_grant_call':
      return rewriteTable(line, by);
    default:
      return rewriteToolstack(line, by);
  }
}

type OfOperation<Op extends Line['op']> = Extract<Line, { readonly op: Op }>;

/** Whose gfns and refs an argument is about, when "self" is the caller. */
const whose = (target: DomainId, caller: DomainId): DomainId =>
  target === DOMID_SELF ? caller : target;

function rewriteBatch(line: OfOperation<'map' | 'unmap' | 'copy' | 'swap'>, by: Rewrite): Line {
  const { caller } = line;
  const own = ownOf(line, by);
  switch (line.op) {
    case 'map':
      return {
        ...line,
        ...own,
        elements: line.elements.map((element) => ({
          granter: by.domain(element.granter),
          ref: by.ref(element.ref, whose(element.granter, caller)),
          address: rewriteAddress(element.address, caller, by),
          flags: by.number(element.flags, 'flags'),
        })),
      };
    case 'unmap':
      return { ...line, ...own, elements: line.elements.map((x) => rewriteUnmap(x, caller, by)) };
    case 'copy':
      return {
        ...line,
        ...own,
        elements: line.elements.map(({ source, dest, length, flags }) => ({
          source: rewriteSide(source, (flags & GNTCOPY_source_gref) !== 0, caller, by),
          dest: rewriteSide(dest, (flags & GNTCOPY_dest_gref) !== 0, caller, by),
          length: by.number(length, 'length'),
          flags: by.number(flags, 'flags'),
        })),
      };
    case 'swap':
      return {
        ...line,
        ...own,
        elements: line.elements.map(({ first, second }) => ({
          first: by.ref(first, caller),
          second: by.ref(second, caller),
        })),
      };
  }
}

function rewriteTable(
  line: OfOperation<
    'grant' | 'setup_table' | 'query_size' | 'get_version' | 'set_version' | 'refused_grant_call'
  >,
  by: Rewrite,
): Line {
  const own = ownOf(line, by);
  switch (line.op) {
    case 'grant':
      return { ...rewriteGrant(line, by), ...own };
    case 'setup_table': {
      const { list } = line;
      return {
        ...line,
        ...own,
        target: by.domain(line.target),
        frames: by.number(line.frames, 'count'),
        list: list === undefined ? undefined : rewriteAddress(list, line.caller, by),
      };
    }
    case 'query_size':
    case 'get_version':
      return { ...line, ...own, target: by.domain(line.target) };
    case 'set_version':
      return { ...line, ...own, version: by.number(line.version, 'count') };
    case 'refused_grant_call':
      return { ...line, ...own };
  }
}

function rewriteMemory(line: Extract<Line, MemoryCall>, by: Rewrite): Line {
  const of = whose(line.target, line.caller);
  const own = { ...ownOf(line, by), target: by.domain(line.target) };
  const gfns = (list: readonly Gfn[]): readonly Gfn[] => list.map((gfn) => by.gfn(gfn, of));
  switch (line.op) {
    case 'populate_physmap':
    case 'decrease_reservation':
      return {
        ...line,
        ...own,
        extents: gfns(line.extents),
        order: by.number(line.order, 'count'),
      };
    case 'increase_reservation':
      return {
        ...line,
        ...own,
        count: by.number(line.count, 'count'),
        order: by.number(line.order, 'count'),
      };
    case 'add_to_physmap':
      return {
        ...line,
        ...own,
        space: by.number(line.space, 'space'),
        index: rewriteIndex(line.index, line.space, of, by),
        gfn: by.gfn(line.gfn, of),
        size: by.number(line.size, 'count'),
      };
    case 'add_to_physmap_batch':
      return {
        ...line,
        ...own,
        space: by.number(line.space, 'space'),
        foreign: by.number(line.foreign, 'count'),
        entries: line.entries.map(({ index, gfn }) => ({
          index: rewriteIndex(index, line.space, of, by),
          gfn: by.gfn(gfn, of),
        })),
      };
    case 'remove_from_physmap':
      return { ...line, ...own, gfn: by.gfn(line.gfn, of) };
    case 'exchange':
      return {
        ...line,
        ...own,
        given: gfns(line.given),
        givenOrder: by.number(line.givenOrder, 'count'),
        taken: gfns(line.taken),
        takenOrder: by.number(line.takenOrder, 'count'),
      };
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return { ...line, ...own };
    case 'claim_pages': {
      const order = by.number(line.order, 'count');
      return { ...line, ...own, pages: by.number(line.pages, 'count'), order };
    }
    case 'acquire_resource': {
      const id = by.number(line.id, 'count');
      const frame = by.number(line.frame, 'count');
      return { ...line, ...own, id, frame, count: by.number(line.count, 'count') };
    }
  }
}

function rewriteAccess(line: Extract<Line, Access>, by: Rewrite): Line {
  const own = ownOf(line, by);
  if (line.op === 'crash') return { ...line, ...own };
  const place = { ...own, address: rewriteAddress(line.address, line.caller, by) };
  switch (line.op) {
    case 'fetch':
      return { ...line, ...place };
    case 'load':
      return { ...line, ...place, size: by.number(line.size, 'size') };
    case 'store':
    case 'xadd':
      return {
        ...line,
        ...place,
        size: by.number(line.size, 'size'),
        value: rewriteWord(line.value, by),
      };
    case 'cmpxchg':
      return {
        ...line,
        ...place,
        size: by.number(line.size, 'size'),
        expected: rewriteWord(line.expected, by),
        value: rewriteWord(line.value, by),
      };
  }
}

const rewriteUnmap = (
  element: UnmapLineElement,
  caller: DomainId,
  by: Rewrite,
): UnmapLineElement => ({
  handle:
    typeof element.handle === 'number'
      ? Handle(by.number(element.handle, 'handle'))
      : element.handle,
  address: rewriteAddress(element.address, caller, by),
  deviceAddress:
    typeof element.deviceAddress === 'number'
      ? by.number(element.deviceAddress, 'count')
      : element.deviceAddress,
});

const rewriteSide = (side: CopySide, isRef: boolean, caller: DomainId, by: Rewrite): CopySide => ({
  domain: by.domain(side.domain),
  at: isRef
    ? by.ref(GrantRef(side.at), whose(side.domain, caller))
    : by.gfn(Gfn(side.at), whose(side.domain, caller)),
  offset: by.number(side.offset, 'offset'),
});

/** The index of a space: a gfn in the spaces of the domain's own memory, else a number. */
const rewriteIndex = (index: number, space: number, of: DomainId, by: Rewrite) =>
  space === 2 || space === 3 ? by.gfn(Gfn(index), of) : by.number(index, 'count');
