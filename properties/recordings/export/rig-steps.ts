import { CONTROL, type DomainId } from '../../../abi/ids.js';
import type { DomainConfig, Machine } from '../../../abi/machine.js';
import type { GrantLine, Line } from '../../../abi/program.js';
import { WINDOW_ADDRESS, WINDOWS } from '../../../abi/windows.js';
import { PAGE_BYTES, type Word } from '../../../abi/word.js';
import type { Json, JsonObject } from '../json-text.js';
import { grantCall, quantity, type NameHandle, type RigStep } from './grant-steps.js';
import { memoryCall } from './memory-steps.js';
import { poolBytes } from './rig-machine.js';

/** A line as one step of the rig; undefined for what the rig has no step for. */
export function rigStep(line: Line, machine: Machine, named: NameHandle): RigStep | undefined {
  const grant = isByControl(line) ? undefined : grantCall(line, named);
  const step = grant ?? memoryCall(line) ?? accessStep(line);
  if (step === undefined) return toolstackStep(line, machine);
  return 'caller' in line ? { d: line.caller, ...step } : undefined;
}

/** The control domain outlives a program, and so would its handles. */
const isByControl = (line: Line): boolean => 'caller' in line && line.caller === CONTROL;

function accessStep(line: Line): RigStep | undefined {
  switch (line.op) {
    case 'grant':
      return { op: 'gt.write', ...entry(line) };
    case 'load':
      return { op: 'read', ...sized(line) };
    case 'store':
      return { op: 'write', ...sized(line), value: word(line.value) };
    case 'cmpxchg': {
      const { expected, value } = line;
      return { op: 'cmpxchg', ...sized(line), expect: word(expected), value: word(value) };
    }
    case 'xadd':
      return line.size === 8 ? { op: 'xadd', ...at(line), value: word(line.value) } : undefined;
    case 'fetch':
      return { op: 'exec', ...at(line) };
    case 'hypercall': {
      const { number: nr, command, argument, count } = line;
      return { op: 'hypercall', nr, args: [command, word(argument), count], data: '', olen: 0 };
    }
    case 'crash':
      return { op: 'hypercall', nr: 29, args: [2, 'BUF'], data: '03000000' };
    default:
      return undefined;
  }
}

interface Place {
  readonly caller: DomainId;
  readonly address: number;
}
/** An address; the control domain's are in its windows and in pages of its own. */
function at({ caller, address }: Place): RigStep {
  if (caller !== CONTROL) return { addr: quantity(address) };
  const page = Math.floor((address - WINDOW_ADDRESS) / PAGE_BYTES);
  const addr = page < WINDOWS ? `win:${page}` : `ram:${page - WINDOWS}`;
  return { addr, off: address % PAGE_BYTES };
}
const sized = (access: Place & { readonly size: number }): RigStep => ({
  ...at(access),
  size: access.size,
});

function entry({ ref, table: tab, version: v, flags, to: dom, frame, detail }: GrantLine): RigStep {
  const plain = { ref, tab, v, flags, dom };
  if (v === 1 || detail.is === 'none') return { ...plain, frame: quantity(frame) };
  if (detail.is === 'transitive')
    return { ...plain, trans_dom: detail.domain, trans_ref: detail.ref };
  const { offset: page_off, length } = detail;
  return { ...plain, frame: quantity(frame), page_off, length };
}

const word = ({ low, high }: Word): Json =>
  high === 0 ? low : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;

function toolstackStep(line: Line, machine: Machine): RigStep | undefined {
  switch (line.op) {
    case 'create':
      return { op: 'create', dom: line.domain, ...rigConfig(line.config, machine) };
    case 'destroy':
      return { op: 'destroy', dom: line.domain };
    case 'domain_info':
      return { op: 'dominfo', dom: line.domain };
    case 'set_memory_limit':
      return { op: 'maxmem', dom: line.domain, pages: line.pages };
    case 'set_memory_type': {
      const { domain: dom, gfn, count: n, type } = line;
      return { op: 'memtype', dom, gfn: quantity(gfn), n, type };
    }
    case 'map_foreign': {
      const { window: win, domain: dom, gfn, readonly: ro } = line;
      return { op: 'mapforeign', win, dom, gfn: quantity(gfn), ro };
    }
    case 'unmap_window':
      return { op: 'unmapwin', win: line.window };
    case 'inspect_gfn':
      return { op: 'p2m', dom: line.domain, gfn: quantity(line.gfn) };
    case 'memory_type':
      return { op: 'p2m', dom: line.domain, gfn: quantity(line.gfn), nomap: true };
    case 'pod_target': {
      const { domain: dom, target } = line;
      return target === undefined
        ? { op: 'pod', dom }
        : { op: 'pod', dom, target: quantity(target) };
    }
    default:
      return undefined;
  }
}

/** How a domain is created: the second run of pages is its RAM. */
export const rigConfig = (config: DomainConfig, machine: Machine): JsonObject => ({
  ram: config.ram[1]?.count ?? 0,
  max_pages: config.maximumPages,
  max_grant_frames: config.grantFrames,
  max_maptrack_frames: config.maptrackFrames,
  gv: config.grantVersion,
  mempool: poolBytes(machine),
});
