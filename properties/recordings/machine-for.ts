import { presets, type Machine, type Paging } from '../../abi/machine.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { RIG_DOMAINS, type RecordedStep, type RecordedTrace } from './decode.js';
import type { Fields } from './fields.js';
import { configArguments, configOf } from './toolstack.js';

/**
 * The machine to replay a trace on: Xen's sizes, with the p2m pool that the trace asks for, and no
 * more memory than its domains may own together: the recorded host never ran out of it, and a
 * large machine takes long to set up.
 */
export function machineFor(
  trace: RecordedTrace,
  paging: Paging,
): {
  readonly machine: Machine;
  readonly obstacle: string | undefined;
} {
  const { xen } = presets;
  const created = creations(trace);
  const limits = new Map<number, number>();
  for (const { id, pages } of [...created, ...newLimits(trace)])
    limits.set(id, Math.max(limits.get(id) ?? 0, pages));
  const pages = [...limits.values()].reduce((sum, limit) => sum + limit, 0);
  const pools = new Set(
    created.filter(({ config }) => config.has('mempool')).map((c) => c.config.quantity('mempool')),
  );
  const [pool] = pools;
  const machine: Machine = {
    ...xen,
    paging,
    domains: Math.max(1, ...created.map(({ id }) => id)),
    guestFrames: Math.min(xen.guestFrames, pages),
    p2mTableFrames:
      pool === undefined
        ? xen.p2mTableFrames
        : Number(pool / BigInt(PAGE_BYTES)) - NESTED_PAGING_FRAMES,
  };
  return { machine, obstacle: obstacleOf(trace, paging, pools.size) };
}

/** Why nothing of the trace can be judged. */
function obstacleOf(trace: RecordedTrace, paging: Paging, poolSizes: number): string | undefined {
  if (trace.broke !== undefined) return `a host that broke: ${trace.broke}`;
  return poolSizes > 1 ? 'p2m pools of several sizes' : strangeConfig(trace, paging);
}

/** Frames of a paging pool that are not the p2m's: nested paging has them from the start (measured). */
export const NESTED_PAGING_FRAMES = 11;

interface Creation {
  readonly id: number;
  readonly config: Fields;
  readonly pages: number;
}

/** Every domain that the trace creates, at its start or later. */
function creations(trace: RecordedTrace): readonly Creation[] {
  const later = trace.steps
    .filter(({ operation }) => operation === 'create')
    .map((step) => ({ id: step.arguments.count('dom', 1, RIG_DOMAINS), config: step.arguments }));
  const all = [...trace.domains.map(({ id, config }) => ({ id, config })), ...later];
  return all.map(({ id, config }) => ({ id, config, pages: configOf(config).maximumPages }));
}

const newLimits = (trace: RecordedTrace): readonly { id: number; pages: number }[] =>
  trace.steps
    .filter(({ operation }) => operation === 'maxmem')
    .map(({ arguments: args }) => ({
      id: args.count('dom', 0, 0xffff),
      pages: args.count('pages', 0, Number.MAX_SAFE_INTEGER),
    }));

function strangeConfig(trace: RecordedTrace, paging: Paging): string | undefined {
  const isKnown = (config: Fields, key: string): boolean =>
    key === 'cdf'
      ? config.quantity(key) === (paging === 'hap' ? 3n : 1n)
      : configArguments.includes(key);
  for (const { config } of trace.domains)
    for (const key of config.keys()) if (!isKnown(config, key)) return `a domain with ${key}`;
  const isOther = ({ operation, arguments: args }: RecordedStep): boolean =>
    operation === 'create' && args.has('cdf') && !isKnown(args, 'cdf');
  return trace.steps.some(isOther) ? 'a domain with cdf' : undefined;
}
