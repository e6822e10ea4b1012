import type { ElementReply, Reply } from '../../abi/reply.js';
import type { Rc } from '../../abi/status.js';
import type { Word } from '../../abi/word.js';

/** What a recorded result says about the reply to one step. */
export type Expected =
  /** This reply; frames are the numbers of their recorded names (F7 is 7). */
  | { readonly is: 'reply'; readonly reply: Reply }
  /**
   * The rig found the domain crashed. `earlier`: an act of somebody else came in between, so
   * it may have crashed then, and the step itself never ran.
   */
  | { readonly is: 'crash'; readonly earlier: boolean }
  /** Running the code fetched here returns this value. */
  | { readonly is: 'returns'; readonly value: bigint }
  /** Only the memory type was asked for; or why there is none. */
  | { readonly is: 'memory_type'; readonly name: string }
  /** A hypercall had this value; what the call behind it answered was not recorded. */
  | { readonly is: 'hypercall'; readonly rc: Rc }
  /** The frames of a table were listed in the guest's memory. */
  | { readonly is: 'listed' }
  /** An answer that the contract cannot express: no reply agrees with it. */
  | { readonly is: 'inexpressible'; readonly text: string };

/** Whether a reply agrees with what was recorded, machine frames aside. */
export function agrees(expected: Expected, reply: Reply): boolean {
  switch (expected.is) {
    case 'reply':
      return framesAside(expected.reply) === framesAside(reply);
    case 'crash':
      return reply.is === 'crashed' || (expected.earlier && reply.is === 'no_domain');
    case 'returns':
      return reply.is === 'value' && returnedBy(reply.value) === expected.value;
    case 'memory_type':
      return reply.is === 'inspected'
        ? reply.memoryType === expected.name
        : reply.is === 'rc' && reply.rc === expected.name;
    case 'hypercall':
      return reply.is === 'hypercall' && reply.rc === expected.rc;
    case 'listed':
      return reply.is === 'table' && reply.status === 'okay';
    case 'inexpressible':
      return false;
  }
}

/**
 * A reply of a spec that leaves handles and frames open, closed with what was recorded. A reply of
 * another shape than the recorded one stays as it is.
 */
export function completed(expected: Expected, open: Reply): Reply {
  if (expected.is !== 'reply') return open;
  const recorded = expected.reply;
  if (open.is === 'statuses' && recorded.is === 'statuses') {
    const pairs = open.elements.map((element, i) => [element, recorded.elements[i]] as const);
    return { is: 'statuses', elements: pairs.map(([mine, theirs]) => closed(mine, theirs)) };
  }
  if (open.is === 'inspected' && recorded.is === 'inspected' && open.first !== undefined)
    return recorded.frame === undefined ? open : { frame: recorded.frame, ...open };
  return open;
}

const closed = (open: ElementReply, recorded: ElementReply | undefined): ElementReply =>
  open.status === 'okay' && recorded?.status === 'okay' ? { ...recorded, ...open } : open;

/**
 * The reply as text, without the machine frames, and without what is not defined where the status
 * is not okay.
 */
function framesAside(reply: Reply): string {
  switch (reply.is) {
    case 'statuses':
      return reply.elements.map(({ status, handle }) => `${status} ${handle ?? ''}`).join();
    case 'table':
    case 'size':
      return reply.status === 'okay' ? sorted(reply) : `${reply.is} ${reply.status}`;
    case 'inspected': {
      const first = reply.first === undefined ? 'not mappable' : sorted(reply.first);
      return `inspected ${reply.memoryType} ${reply.frame === undefined} ${first}`;
    }
    case 'value':
      return `value ${reply.value.high} ${reply.value.low}`;
    default:
      return sorted(reply);
  }
}

const sorted = (value: object): string =>
  JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** The rig loads this into rax before it calls the code. */
const BEFORE_CALL = 0x1111n;

/**
 * What the rig sees in rax after calling code that begins with these eight bytes:
 *
 *   c3                ret              rax as it was
 *   b8 imm32 c3       mov eax; ret     imm32
 *
 * Undefined for any other code.
 */
export function returnedBy(code: Word): bigint | undefined {
  if ((code.low & 0xff) === 0xc3) return BEFORE_CALL;
  if ((code.low & 0xff) !== 0xb8 || ((code.high >>> 8) & 0xff) !== 0xc3) return undefined;
  return BigInt(((code.low >>> 8) | (code.high << 24)) >>> 0);
}

export function expectedText(expected: Expected): string {
  switch (expected.is) {
    case 'reply':
      return replyText(expected.reply);
    case 'crash':
      return expected.earlier ? 'crashed, or no_domain' : 'crashed';
    case 'returns':
      return `code that returns 0x${expected.value.toString(16)}`;
    case 'memory_type':
      return `memory type ${expected.name}`;
    case 'hypercall':
      return `hypercall ${expected.rc}`;
    case 'listed':
      return 'table okay';
    case 'inexpressible':
      return expected.text;
  }
}

/** One line for people: the kind of the reply, then its fields. */
export function replyText(reply: Reply): string {
  const { is, ...rest } = reply;
  return Object.keys(rest).length === 0 ? is : `${is} ${JSON.stringify(rest)}`;
}
