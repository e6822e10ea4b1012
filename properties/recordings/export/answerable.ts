import { CONTROL } from '../../../abi/ids.js';
import type { Line } from '../../../abi/program.js';
import type { Fetch, Load } from '../../../abi/step.js';
import { PAGE_BYTES } from '../../../abi/word.js';
import { pageOf } from '../../../model/derived.js';
import { step as spec } from '../../../model/model.js';
import type { State } from '../../../model/state.js';
import { get } from '../../../values/keyed.js';
import { returnedBy } from '../expected.js';

/** Whether what a real hypervisor answers to a line says something about the hypervisor. */
export function isAnswerable(state: State, line: Line): boolean {
  switch (line.op) {
    case 'fetch':
      return runs(state, line);
    case 'load':
      return !readsClock(state, line);
    case 'cmpxchg':
      // The emulated processor of the recorded host reports a faulting one as a read.
      return line.caller !== CONTROL || replyOf(state, line)?.is === 'value';
    default:
      return true;
  }
}

const replyOf = (state: State, line: Fetch | (Line & { op: 'cmpxchg' })) => {
  for (const { reply } of spec(state, line)) return reply;
  return undefined;
};

/** Whether what is fetched is code that the rig runs, or is not run at all. */
function runs(state: State, line: Fetch): boolean {
  if (line.address % PAGE_BYTES > PAGE_BYTES - 8) return false;
  const reply = replyOf(state, line);
  return reply?.is !== 'value' || returnedBy(reply.value) !== undefined;
}

/** In a shared info page the first words say what is pending; times that pass follow. */
const PENDING_BYTES = 32;

function readsClock(state: State, { caller, address, size }: Load): boolean {
  if (address % PAGE_BYTES <= PENDING_BYTES - size) return false;
  const gfn = Math.floor((address + size - 1) / PAGE_BYTES);
  const entry = caller === CONTROL ? undefined : get(get(state.domains, caller)?.p2m, gfn);
  return entry !== undefined && pageOf(state, entry.page).use === 'shared_info';
}
