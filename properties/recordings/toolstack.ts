import { DomainId, Gfn } from '../../abi/ids.js';
import type { DomainConfig, PageRun } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import { WINDOWS } from '../../abi/windows.js';
import type { Fields } from './fields.js';
import {
  frameOf,
  notBuilt,
  rcOf,
  rcReply,
  single,
  u16,
  u32,
  u64,
  valued,
  wordOf,
  type Meaning,
  type NotBuilt,
} from './meaning.js';

export const configArguments: readonly string[] =
  'ram max_pages max_grant_frames max_maptrack_frames gv mempool superpages tab'.split(' ');

/** Arguments of the operations of the control domain. */
export const toolstackArguments: Readonly<Record<string, readonly string[]>> = {
  create: ['dom', 'cdf', ...configArguments],
  destroy: ['dom'],
  dominfo: ['dom'],
  maxmem: ['dom', 'pages'],
  p2m: ['dom', 'gfn', 'nomap'],
  pod: ['dom', 'target'],
  memtype: ['dom', 'gfn', 'type', 'n'],
  mapforeign: ['dom', 'gfn', 'win', 'ro'],
  unmapwin: ['win'],
};

/** A recorded operation of the control domain. */
export function toolstackCall(name: string, args: Fields): Meaning | NotBuilt {
  const domain = DomainId(args.has('dom') ? u16(args.quantity('dom')) : 0);
  switch (name) {
    case 'create':
      return valued({ op: 'create', domain, config: configOf(args) });
    case 'destroy':
      return valued({ op: 'destroy', domain });
    case 'dominfo':
      return single({ op: 'domain_info', domain }, domainInfo);
    case 'maxmem':
      return valued({ op: 'set_memory_limit', domain, pages: u64(args.quantity('pages')) });
    case 'pod': {
      const target = args.has('target') ? u64(args.quantity('target')) : undefined;
      return single({ op: 'pod_target', domain, target }, podReply);
    }
    case 'memtype':
      return valued({
        op: 'set_memory_type',
        domain,
        gfn: Gfn(u64(args.quantity('gfn'))),
        count: args.has('n') ? u32(args.quantity('n')) : 1,
        type: u16(args.quantity('type')),
      });
    case 'p2m':
      return inspect(args, domain);
    case 'mapforeign': {
      const page = { domain, gfn: Gfn(u64(args.quantity('gfn'))) };
      const readonly = args.has('ro') && args.boolean('ro');
      return valued({ op: 'map_foreign', window: windowOf(args), ...page, readonly });
    }
    case 'unmapwin':
      return valued({ op: 'unmap_window', window: windowOf(args) });
    default:
      return notBuilt(name);
  }
}

/** The rig's defaults: its program's 64 pages, 32 pages of RAM, room for 64 more. */
export function configOf(args: Fields): DomainConfig {
  const amount = (key: string, otherwise: number): number =>
    args.has(key) ? args.count(key, -1, 2 ** 32) : otherwise;
  const ram = amount('ram', 32);
  // The rig populates page by page, so that no run is as large as a superpage; or superpages alone.
  const hasSuperpages = args.has('superpages') && args.boolean('superpages');
  const had = hasSuperpages ? ram - (ram % SUPERPAGE_PAGES) : ram;
  return {
    ram: [
      programPages,
      ...runs(0x1000, had, hasSuperpages ? SUPERPAGE_PAGES : SUPERPAGE_PAGES / 2),
    ],
    maximumPages: amount('max_pages', programPages.count + ram + 64),
    grantFrames: amount('max_grant_frames', 4),
    maptrackFrames: amount('max_maptrack_frames', 4),
    grantVersion: amount('gv', 2),
    tableGfn: undefined,
  };
}

const SUPERPAGE_PAGES = 512;

function runs(first: number, count: number, most: number): readonly PageRun[] {
  const starts = Array.from({ length: Math.ceil(count / most) }, (_, run) => run * most);
  return starts.map((start) => ({ gfn: first + start, count: Math.min(most, count - start) }));
}

/** Where the rig's own program is in every guest. */
export const programPages = { gfn: 0x100, count: 64 };

function podReply(result: Fields): Reply | undefined {
  const rc = rcOf(result.raw('rc'));
  if (rc === undefined) return undefined;
  const amount = (key: string): number => result.count(key, 0, 2 ** 40);
  return { is: 'pod', rc, pages: amount('tot'), kept: amount('cache'), gfns: amount('entries') };
}

function domainInfo(result: Fields): Reply | undefined {
  const rc = rcOf(result.raw('rc'));
  if (rc !== 0) return rcReply(result);
  return {
    is: 'domain_info',
    dying: result.boolean('dying'),
    shutdown: result.boolean('shutdown'),
    pages: result.count('tot', 0, 2 ** 40),
    maximumPages: result.count('max', 0, 2 ** 40),
    outstanding: result.count('outstanding', 0, 2 ** 40),
  };
}

function inspect(args: Fields, domain: DomainId): Meaning {
  const at = { domain, gfn: Gfn(u64(args.quantity('gfn'))) };
  const step = { op: 'inspect_gfn', ...at } as const;
  if (args.has('nomap') && args.boolean('nomap'))
    return {
      steps: [{ op: 'memory_type', ...at }],
      expect: (result) => [{ is: 'memory_type', name: result.string('memtype') }],
    };
  return single(step, (result) => {
    const memoryType = memoryTypes.find((name) => name === result.raw('memtype'));
    if (memoryType === undefined)
      return result.raw('memtype') === result.raw('map_rc')
        ? rcReply(result.replaced({ rc: result.string('map_rc') }))
        : undefined;
    if (result.raw('map_rc') === '-EINVAL') return { is: 'inspected', memoryType };
    if (result.raw('map_rc') !== 0) return undefined;
    const first = wordOf(result.quantity('q0'), 8);
    return { is: 'inspected', memoryType, frame: frameOf(result), first };
  });
}

/** The rig has so many, and counts modulo that. */
const windowOf = (args: Fields): number => Number(args.quantity('win') % BigInt(WINDOWS));

const memoryTypes = ['ram_rw', 'ram_ro', 'mmio_dm'] as const;
