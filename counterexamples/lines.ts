import type { Machine } from '../abi/machine.js';
import type { Line } from '../abi/program.js';
import type { LinearAccess } from '../abi/step.js';
import { accessText, parseAccess } from './access-lines.js';
import { whole } from './batch.js';
import { callerText, parseCaller } from './actor.js';
import type { Arguments } from './arguments.js';
import { controlGrantText, parseControlGrant } from './control-grant-lines.js';
import { controlText, parseControl } from './control-lines.js';
import { frameText, parseFrame } from './frame-lines.js';
import { grantCallText, parseGrantCall } from './grant-call-lines.js';
import { grantLineText, parseGrantEntry } from './grant-entry-line.js';
import { hypercallText, parseHypercall } from './hypercall-lines.js';
import { linearText, parseLinear } from './linear-lines.js';
import { memoryCallText, parseMemoryCall } from './memory-call-lines.js';
import { parsePreemption, preemptionText } from './preemption-lines.js';
import { parsePte, pteText } from './pte-line.js';
import { parseToolstack, toolstackText } from './toolstack-lines.js';
import { parseWindow, windowText } from './window-lines.js';
import { refuseToken, type Token, type Words } from './words.js';

/*
 * A line of a program, without its number and what is answered:
 *
 *   d2  unmap  h1 at=0x6        d2 is the caller, on vcpu 0; d2.1 would be on vcpu 1
 *   tool  destroy  d2           the toolstack
 *
 * The arguments of each operation are drawn at the head of the file that reads and writes them.
 */

/** A line as its columns; the arguments have no two spaces in a row, and crash and resume have none. */
export interface LineColumns {
  readonly actor: string;
  readonly operation: string;
  readonly arguments: string;
}

/** One line of a program of `machine`, as text. */
export function printLine(line: Line, machine: Machine): string {
  const columns = lineColumns(line, machine);
  return `${columns.actor}  ${columns.operation}  ${columns.arguments}`.trimEnd();
}

/** One line of a program of `machine`, column by column, for those who align them. */
export function lineColumns(line: Line, machine: Machine): LineColumns {
  const actor = 'caller' in line ? callerText(line) : TOOLSTACK;
  return { actor, operation: wordOf(line.op), arguments: argumentsText(line, machine) };
}

/** Reads one line from its columns. Throws TraceError. */
export function parseLine(actor: Token, operation: Token, given: Arguments): Line {
  const op = operationOf(operation.text, given.words);
  return op === undefined
    ? refuseToken(operation, 'an operation')
    : parseArguments(op, actor, given);
}

/**
 * An operation is written as it is called, but for accesses by linear address: those share a word
 * with the accesses by guest-physical address, and `va=` tells them apart.
 */
const linear: Readonly<Record<string, LinearAccess['op']>> = {
  load: 'load_linear',
  store: 'store_linear',
  cmpxchg: 'cmpxchg_linear',
  xadd: 'xadd_linear',
  fetch: 'fetch_linear',
};

const wordOf = (op: Line['op']): string =>
  Object.entries(linear).find(([, each]) => each === op)?.[0] ?? op;

function operationOf(word: string, words: Words): Line['op'] | undefined {
  if (Object.hasOwn(linear, word) && words.has('va')) return linear[word];
  return isOperation(word) && wordOf(word) === word ? word : undefined;
}

/** Who writes each operation. */
const actors: Readonly<Record<Line['op'], 'guest' | 'toolstack'>> = {
  map: 'guest',
  unmap: 'guest',
  copy: 'guest',
  swap: 'guest',
  setup_table: 'guest',
  query_size: 'guest',
  set_version: 'guest',
  get_version: 'guest',
  refused_grant_call: 'guest',
  grant: 'guest',
  hypercall: 'guest',
  marshalled: 'guest',
  populate_physmap: 'guest',
  decrease_reservation: 'guest',
  increase_reservation: 'guest',
  add_to_physmap: 'guest',
  add_to_physmap_batch: 'guest',
  remove_from_physmap: 'guest',
  exchange: 'guest',
  current_reservation: 'guest',
  maximum_reservation: 'guest',
  maximum_gpfn: 'guest',
  claim_pages: 'guest',
  acquire_resource: 'guest',
  load: 'guest',
  store: 'guest',
  xadd: 'guest',
  cmpxchg: 'guest',
  fetch: 'guest',
  crash: 'guest',
  load_linear: 'guest',
  store_linear: 'guest',
  xadd_linear: 'guest',
  cmpxchg_linear: 'guest',
  fetch_linear: 'guest',
  pte: 'guest',
  cr0: 'guest',
  cr3: 'guest',
  cr4: 'guest',
  efer: 'guest',
  pkru: 'guest',
  invlpg: 'guest',
  interrupt: 'guest',
  resume: 'guest',
  create: 'toolstack',
  destroy: 'toolstack',
  domain_info: 'toolstack',
  set_memory_limit: 'toolstack',
  set_memory_type: 'toolstack',
  memory_type: 'toolstack',
  pod_target: 'toolstack',
  inspect_gfn: 'toolstack',
  log_dirty: 'toolstack',
  pause: 'toolstack',
  unpause: 'toolstack',
  fail_next: 'toolstack',
  unmap_and_replace: 'guest',
  get_status_frames: 'guest',
  transfer: 'guest',
  write_back: 'guest',
  map_foreign: 'toolstack',
  unmap_window: 'toolstack',
};

const TOOLSTACK = 'tool';

const isOperation = (text: string): text is Line['op'] => Object.hasOwn(actors, text);

/** What no switch names is the toolstack's, or the compiler objects. */
function argumentsText(line: Line, machine: Machine): string {
  if (line.op === 'unmap_and_replace' || line.op === 'get_status_frames')
    return controlGrantText(line);
  if (line.op === 'transfer' || line.op === 'write_back') return frameText(line);
  if (line.op === 'map_foreign' || line.op === 'unmap_window') return windowText(line);
  switch (line.op) {
    case 'grant':
      return grantLineText(line, machine.defaults);
    case 'map':
    case 'unmap':
    case 'copy':
    case 'swap':
    case 'setup_table':
    case 'query_size':
    case 'set_version':
    case 'get_version':
    case 'refused_grant_call':
      return grantCallText(line);
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
      return memoryCallText(line);
    case 'load':
    case 'store':
    case 'xadd':
    case 'cmpxchg':
    case 'fetch':
    case 'crash':
      return accessText(line);
    case 'load_linear':
    case 'store_linear':
    case 'xadd_linear':
    case 'cmpxchg_linear':
    case 'fetch_linear':
      return linearText(line);
    case 'pte':
      return pteText(line);
    case 'hypercall':
    case 'marshalled':
      return hypercallText(line, (call) => `${wordOf(call.op)} ${argumentsText(call, machine)}`);
    case 'cr0':
    case 'cr3':
    case 'cr4':
    case 'efer':
    case 'pkru':
    case 'invlpg':
      return controlText(line);
    case 'interrupt':
    case 'resume':
      return preemptionText(line);
    default:
      return toolstackText(line, machine.defaults);
  }
}

function parseArguments(op: Line['op'], actor: Token, given: Arguments): Line {
  if (op === 'unmap_and_replace' || op === 'get_status_frames')
    return parseControlGrant(op, parseCaller(actor), given);
  if (op === 'transfer' || op === 'write_back') return parseFrame(op, parseCaller(actor), given);
  if (op === 'map_foreign' || op === 'unmap_window')
    return parseWindow(op, ofToolstack(actor, op, given));
  switch (op) {
    case 'grant':
      return parseGrantEntry(op, parseCaller(actor), given);
    case 'map':
    case 'unmap':
    case 'copy':
    case 'swap':
    case 'setup_table':
    case 'query_size':
    case 'set_version':
    case 'get_version':
    case 'refused_grant_call':
      return parseGrantCall(op, parseCaller(actor), given);
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
      return parseMemoryCall(op, parseCaller(actor), given);
    case 'load':
    case 'store':
    case 'xadd':
    case 'cmpxchg':
    case 'fetch':
    case 'crash':
      return parseAccess(op, parseCaller(actor), given);
    case 'load_linear':
    case 'store_linear':
    case 'xadd_linear':
    case 'cmpxchg_linear':
    case 'fetch_linear':
      return parseLinear(op, parseCaller(actor), given);
    case 'hypercall':
    case 'marshalled':
      return parseHypercall(op, parseCaller(actor), given, lineOf(actor));
    case 'pte':
      return { op, ...parseCaller(actor), ...whole(given.words, parsePte) };
    case 'cr0':
    case 'cr3':
    case 'cr4':
    case 'efer':
    case 'pkru':
    case 'invlpg':
      return parseControl(op, parseCaller(actor), given);
    case 'interrupt':
    case 'resume':
      return parsePreemption(op, parseCaller(actor), given);
    default:
      return parseToolstack(op, ofToolstack(actor, op, given));
  }
}

/** Reads a call that is part of a line of the same actor. */
const lineOf =
  (actor: Token) =>
  (call: Token, given: Arguments): Line =>
    parseLine(actor, call, given);

function ofToolstack(actor: Token, op: Line['op'], given: Arguments): Arguments {
  if (actor.text === TOOLSTACK) return given;
  return refuseToken(actor, `'${TOOLSTACK}', whose operation ${op} is`);
}
