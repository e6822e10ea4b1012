import { CONTROL, DOMID_SELF, Gfn, VcpuId, type DomainId } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Exchange } from '../../abi/step.js';
import { LIST_LIMIT, type Fields } from './fields.js';
import { acquire, claim } from './resource-calls.js';
import {
  domainOf,
  notBuilt,
  rcOf,
  single,
  u16,
  u32,
  u64,
  valued,
  type Meaning,
  type NotBuilt,
} from './meaning.js';

/** Arguments that a memory operation may carry; any other makes it an operation not built. */
export const memoryArguments: Readonly<Record<string, readonly string[]>> = {
  populate: ['dom', 'gfn', 'gfns', 'n', 'nr', 'order', 'flags', 'null_extents'],
  decrease: ['dom', 'gfn', 'gfns', 'n', 'nr', 'order', 'null_extents'],
  increase: ['dom', 'gfn', 'gfns', 'n', 'nr', 'order', 'null_extents'],
  add: ['dom', 'space', 'idx', 'gfn', 'size'],
  addbatch: ['dom', 'space', 'foreign', 'idxs', 'gfns', 'size'],
  remove: ['dom', 'gfn'],
  exchange: ['dom', 'in', 'out', 'in_order', 'out_order'],
  current: ['dom'],
  maximum: ['dom'],
  max_gpfn: ['dom'],
  claim: ['dom', 'n', 'order'],
  acquire: ['dom', 'id', 'frame', 'nr', 'query', 'gfns'],
};

/** A recorded `mem.*` operation of a guest or the control domain, as the hypercall that it was. */
export function memoryCall(name: string, args: Fields, caller: DomainId): Meaning | NotBuilt {
  const target = domainOf(args, 'dom');
  // Its own memory is not of the kind that is modelled.
  const isOwn = caller === CONTROL && (target === DOMID_SELF || target === CONTROL);
  if (isOwn && !refusedToControl.has(name))
    return notBuilt(`mem.${name} by the control domain on itself`);
  const by = { caller, vcpu: VcpuId(0), target };
  switch (name) {
    case 'populate':
      return populate(args, by);
    case 'decrease':
      return reservation(args, (extents, order) =>
        valued({ ...by, op: 'decrease_reservation', extents, order }),
      );
    case 'increase': {
      const listed = extentsOf(args).length;
      const count = countOf(args, listed);
      return valued({ ...by, op: 'increase_reservation', count, order: orderOf(args, 'order') });
    }
    case 'add':
      return addToPhysmap(args, by);
    case 'addbatch':
      return addBatch(args, by);
    case 'remove':
      return valued({ ...by, op: 'remove_from_physmap', gfn: gfnOf(args) });
    case 'exchange':
      return exchange(args, by);
    case 'current':
      return valued({ ...by, op: 'current_reservation' });
    case 'maximum':
      return valued({ ...by, op: 'maximum_reservation' });
    case 'max_gpfn':
      return valued({ ...by, op: 'maximum_gpfn' });
    case 'claim':
      return claim(args, by);
    case 'acquire':
      return acquire(args, by);
    default:
      return notBuilt(`mem.${name}`);
  }
}

/** What the control domain cannot ask for its own memory, which is answered as for any. */
const refusedToControl: ReadonlySet<string> = new Set([
  'add',
  'addbatch',
  'remove',
  'claim',
  'acquire',
]);

export type By = { readonly caller: DomainId; readonly vcpu: VcpuId; readonly target: DomainId };

const gfnOf = (args: Fields): Gfn => Gfn(u64(args.quantity('gfn')));

const orderOf = (args: Fields, key: string): number =>
  args.has(key) ? u32(args.quantity(key)) : 0;

/** `gfns`, or `n` extents in a row from `gfn`. */
function extentsOf(args: Fields): readonly Gfn[] {
  if (args.has('gfns')) return args.quantities('gfns').map((gfn) => Gfn(u64(gfn)));
  if (!args.has('gfn')) return [];
  const count = args.has('n') ? args.count('n', 0, LIST_LIMIT) : 1;
  const [first, order] = [args.quantity('gfn'), BigInt(orderOf(args, 'order')) & 63n];
  return Array.from({ length: count }, (_, i) => Gfn(u64(first + (BigInt(i) << order))));
}

/** The extents that the caller claims to pass. */
function countOf(args: Fields, listed: number): number {
  if (args.has('nr')) return args.count('nr', 0, 0xffff_ffff);
  if (listed > 0) return listed;
  // The rig takes a count of 0 for none given.
  return args.has('n') ? Math.max(1, args.count('n', 0, 0xffff_ffff)) : 1;
}

function reservation(
  args: Fields,
  build: (extents: readonly Gfn[], order: number) => Meaning,
): Meaning | NotBuilt {
  // A list that is not there faults before the first extent.
  if (args.has('null_extents') && args.boolean('null_extents'))
    return build([], orderOf(args, 'order'));
  const listed = extentsOf(args);
  const passed = countOf(args, listed.length);
  if (passed > listed.length) return notBuilt('more extents than are listed');
  return build(listed.slice(0, passed), orderOf(args, 'order'));
}

/** XENMEMF_populate_on_demand. */
const ON_DEMAND = 0x1_0000n;

function populate(args: Fields, by: By): Meaning | NotBuilt {
  const flags = args.has('flags') ? args.quantity('flags') : 0n;
  if (flags !== 0n && flags !== ON_DEMAND) return notBuilt('mem.populate with other flags');
  const how = flags === ON_DEMAND ? { onDemand: true } : {};
  return reservation(args, (extents, order) =>
    valued({ ...by, op: 'populate_physmap', extents, order, ...how }),
  );
}

const spaces = new Map([
  ['shared_info', 0],
  ['grant_table', 1],
  ['gmfn', 2],
  ['gmfn_range', 3],
  ['gmfn_foreign', 4],
  ['dev_mmio', 5],
]);

function spaceOf(args: Fields): number {
  const space = args.raw('space');
  const named = typeof space === 'string' ? spaces.get(space) : undefined;
  return named ?? u32(args.quantity('space'));
}

function addToPhysmap(args: Fields, by: By): Meaning | NotBuilt {
  const space = spaceOf(args);
  return valued({
    ...by,
    op: 'add_to_physmap',
    space,
    index: u64(args.quantity('idx')),
    gfn: gfnOf(args),
    size: args.has('size') ? u16(args.quantity('size')) : 0,
  });
}

function addBatch(args: Fields, by: By): Meaning | NotBuilt {
  const space = u16(BigInt(spaceOf(args)));
  const [gfns, indexes] = [args.quantities('gfns'), args.quantities('idxs')];
  if (indexes.length !== gfns.length) args.refuse('idxs', `${gfns.length} indexes`);
  const passed = args.has('size') ? u16(args.quantity('size')) : gfns.length;
  if (passed > gfns.length) return notBuilt('more entries than are listed');
  const entries = gfns.slice(0, passed).map((gfn, i) => ({
    index: u64(indexes[i] ?? 0n),
    gfn: Gfn(u64(gfn)),
  }));
  const from = args.has('foreign') ? domainOf(args, 'foreign') : 0;
  return single({ ...by, op: 'add_to_physmap_batch', space, foreign: from, entries }, (result) =>
    errorsReply(result, passed),
  );
}

function errorsReply(result: Fields, passed: number): Reply | undefined {
  const rc = rcOf(result.raw('rc'));
  const listed = result.list('errs');
  if (listed.length < passed) result.refuse('errs', `${passed} results`);
  const errors: (Reply & { is: 'errors' })['errors'][number][] = [];
  for (const error of listed.slice(0, passed)) {
    const known = error === 'untouched' ? error : rcOf(error);
    if (known !== 0 && typeof known !== 'string') return undefined;
    errors.push(known);
  }
  return rc === undefined ? undefined : { is: 'errors', rc, errors };
}

function exchange(args: Fields, by: By): Meaning {
  const gfns = (key: string): Gfn[] =>
    args.has(key) ? args.quantities(key).map((gfn) => Gfn(u64(gfn))) : [];
  const step: Exchange = {
    ...by,
    op: 'exchange',
    given: gfns('in'),
    givenOrder: orderOf(args, 'in_order'),
    taken: gfns('out'),
    takenOrder: orderOf(args, 'out_order'),
  };
  return single(step, (result) => {
    const rc = rcOf(result.raw('rc'));
    if (rc === undefined) return undefined;
    return { is: 'exchanged', rc, count: u64(result.quantity('nr_exchanged')) };
  });
}
