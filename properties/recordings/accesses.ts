import { GuestPhysical, VcpuId, type DomainId } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import type { Fields } from './fields.js';
import { isList } from './fields.js';
import { domainOf, notBuilt, single, u64, wordOf, type Meaning, type NotBuilt } from './meaning.js';

/** Where a guest of the rig has mapped its grant table, and which layout it writes. */
export interface Layout {
  readonly version: 1 | 2;
  /** gfns of the first grant frame and the first status frame. */
  readonly table: bigint;
  readonly statusTable: bigint;
}

export const bootLayout: Layout = { version: 1, table: 0x2000n, statusTable: 0x2800n };

/** Arguments of the accesses by address and of the accesses to the guest's own grant table. */
export const accessArguments: Readonly<Record<string, readonly string[]>> = {
  read: ['gfn', 'addr', 'off', 'size'],
  write: ['gfn', 'addr', 'off', 'size', 'value'],
  cmpxchg: ['gfn', 'addr', 'off', 'size', 'expect', 'value'],
  xadd: ['gfn', 'addr', 'off', 'value'],
  exec: ['gfn', 'addr', 'off'],
  fill: ['gfn', 'addr', 'off', 'len', 'value'],
  rdblk: ['gfn', 'addr', 'off', 'len'],
  wrblk: ['gfn', 'addr', 'off', 'data'],
};
export const tableArguments: Readonly<Record<string, readonly string[]>> = {
  write: 'ref tab v flags dom frame page_off length trans_dom trans_ref'.split(' '),
  flags: ['ref', 'tab', 'v'],
  setflags: ['ref', 'tab', 'v', 'flags'],
  status: ['ref', 'stab', 'tab', 'v'],
  entry: ['ref', 'tab', 'v'],
  end: ['ref', 'tab', 'v'],
};

/** A recorded load, store, atomic or fetch of a guest, by guest-physical address. */
export function access(name: string, args: Fields, caller: DomainId): Meaning | NotBuilt {
  const start = args.has('addr') ? args.quantity('addr') : args.quantity('gfn') << 12n;
  const at = start + (args.has('off') ? args.quantity('off') : 0n);
  const by = byOf(caller);
  const address = addressOf(at);
  const size = args.has('size') ? args.count('size', 1, 8) : 8;
  if (!(name === 'cmpxchg' ? ATOMIC_SIZES : SIZES).includes(size))
    return notBuilt(`${name} of ${size} bytes`);
  switch (name) {
    case 'read':
      return single({ ...by, op: 'load', address, size }, wordAt('value', size));
    case 'write':
      return stored([store(by, at, size, args.quantity('value'))]);
    case 'cmpxchg': {
      const expected = wordOf(args.quantity('expect'), size);
      const value = wordOf(args.quantity('value'), size);
      return single({ ...by, op: 'cmpxchg', address, size, expected, value }, wordAt('old', size));
    }
    case 'xadd': {
      const value = wordOf(args.quantity('value'), 8);
      return single({ ...by, op: 'xadd', address, size: 8, value }, wordAt('old', 8));
    }
    case 'exec':
      return {
        steps: [{ ...by, op: 'fetch', address }],
        expect: (result) => [{ is: 'returns', value: result.quantity('rax') }],
      };
    default:
      return block(name, args, by, at);
  }
}

interface By {
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
}
const byOf = (caller: DomainId): By => ({ caller, vcpu: VcpuId(0) });

/** What the guest's program has instructions for. */
const SIZES: readonly number[] = [1, 2, 4, 8];
const ATOMIC_SIZES: readonly number[] = [2, 4, 8];
const BLOCK_BYTES = 65_536;

/** A run of bytes: the guest's program moves it eight bytes at a time. */
function block(name: string, args: Fields, by: By, at: bigint): Meaning | NotBuilt {
  const data = name === 'wrblk' ? args.bytes('data') : new Uint8Array();
  const length = args.has('len') ? args.count('len', 0, BLOCK_BYTES) : 4096;
  const bytes = name === 'wrblk' ? data.length : length;
  if (bytes % 8 !== 0) return notBuilt(`${name} of a part of eight bytes`);
  const offsets = Array.from({ length: bytes / 8 }, (_, i) => 8 * i);
  switch (name) {
    case 'fill': {
      const value = args.quantity('value');
      return stored(offsets.map((offset) => store(by, at + BigInt(offset), 8, value)));
    }
    case 'wrblk':
      return stored(offsets.map((i) => store(by, at + BigInt(i), 8, quadAt(data, i))));
    case 'rdblk':
      return loaded(by, at, offsets, 'data');
    default:
      return notBuilt(name);
  }
}

/** A guest's own reading or writing of its grant table (grants.md 1.4, 1.5). */
export function tableAccess(
  name: string,
  args: Fields,
  caller: DomainId,
  layout: Layout,
): Meaning | NotBuilt {
  const by = byOf(caller);
  const version = args.has('v') ? args.count('v', 1, 2) : layout.version;
  const bytes = version === 1 ? 8n : 16n;
  const table = args.has('tab') ? args.quantity('tab') : layout.table;
  const ref = args.quantity('ref');
  const at = (table << 12n) + ref * bytes;
  switch (name) {
    case 'write':
      return stored(version === 1 ? [entryOf1(args, by, at)] : entryOf2(args, by, at));
    case 'setflags':
      return stored([store(by, at, 2, BigInt(entryFlags(args)))]);
    case 'flags':
    case 'end':
      return single({ ...by, op: 'load', address: addressOf(at), size: 2 }, wordAt('flags', 2));
    case 'status': {
      const statusTable = args.has('stab') ? args.quantity('stab') : layout.statusTable;
      const address = addressOf((statusTable << 12n) + 2n * ref);
      return single({ ...by, op: 'load', address, size: 2 }, wordAt('status_word', 2));
    }
    case 'entry':
      return loaded(by, at, version === 1 ? [0] : [0, 8], 'raw');
    default:
      return notBuilt(`gt.${name}`);
  }
}

/** Version 1: flags, domid and frame in one store of eight bytes. */
function entryOf1(args: Fields, by: By, at: bigint): Step {
  const frame = args.has('frame') ? BigInt.asUintN(32, args.quantity('frame')) : 0n;
  return store(by, at, 8, headOf(args) | (frame << 32n));
}

/** Version 2: the second half of the entry first, then the half with the flags. */
function entryOf2(args: Fields, by: By, at: bigint): readonly Step[] {
  let head = headOf(args);
  let body = args.has('frame') ? args.quantity('frame') : 0n;
  if (args.has('page_off')) head |= args.quantity('page_off') << 32n;
  if (args.has('length')) head |= args.quantity('length') << 48n;
  if (args.has('trans_dom')) {
    head |= BigInt(domainOf(args, 'trans_dom')) << 32n;
    body = args.quantity('trans_ref');
  }
  return [store(by, at + 8n, 8, body), store(by, at, 8, head)];
}

const headOf = (args: Fields): bigint =>
  BigInt(entryFlags(args)) | (BigInt(domainOf(args, 'dom')) << 16n);

const entryFlagNames = new Map([
  ['invalid', 0],
  ['permit', 1],
  ['accept', 2],
  ['transitive', 3],
  ['readonly', 4],
  ['reading', 8],
  ['writing', 16],
  ['PWT', 32],
  ['PCD', 64],
  ['PAT', 128],
  ['sub_page', 256],
]);

/** Entry flags by number, or a list of names and numbers; permit_access where nothing is said. */
function entryFlags(args: Fields): number {
  const flags = args.raw('flags');
  if (flags === undefined) return 1;
  if (!isList(flags)) return Number(BigInt.asUintN(16, args.quantity('flags')));
  return flags.reduce((sum: number, flag) => {
    const named = typeof flag === 'string' ? entryFlagNames.get(flag) : undefined;
    return sum | (named ?? Number(BigInt.asUintN(16, args.asQuantity(flag, 'flags'))));
  }, 0);
}

// ---- the steps ----

const addressOf = (at: bigint): GuestPhysical => GuestPhysical(u64(at));

const store = (by: By, at: bigint, size: number, value: bigint): Step => ({
  ...by,
  op: 'store',
  address: addressOf(at),
  size,
  value: wordOf(value, size),
});

const stored = (steps: readonly Step[]): Meaning => ({
  steps,
  expect: () => steps.map(() => ({ is: 'reply', reply: { is: 'stored' } })),
});

/** Loads of eight bytes, together recorded as hexadecimal text. */
const loaded = (by: By, at: bigint, offsets: readonly number[], key: string): Meaning => ({
  steps: offsets.map((i) => ({ ...by, op: 'load', address: addressOf(at + BigInt(i)), size: 8 })),
  expect: (result) => {
    const bytes = result.bytes(key);
    if (bytes.length !== 8 * offsets.length) result.refuse(key, `${8 * offsets.length} bytes`);
    return offsets.map((i) => ({
      is: 'reply',
      reply: { is: 'value', value: wordOf(quadAt(bytes, i), 8) },
    }));
  },
});

const quadAt = (bytes: Uint8Array, offset: number): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);

const wordAt =
  (key: string, size: number) =>
  (result: Fields): Reply => ({ is: 'value', value: wordOf(result.quantity(key), size) });
