import type { ElementReply, Reply } from '../abi/reply.js';
import { statuses } from '../abi/status.js';
import type { Rc, Status } from '../abi/status.js';
import type { Word } from '../abi/word.js';

/** Answers that carry nothing of their own are made once. */
export const NO_DOMAIN: Reply = { is: 'no_domain' };
export const PAUSED: Reply = { is: 'paused' };
export const CRASHED: Reply = { is: 'crashed' };
export const STORED: Reply = { is: 'stored' };
export const GENERAL_PROTECTION: Reply = { is: 'fault', vector: '#GP' };
export const DONE: Reply = { is: 'done' };
export const BUSY: Reply = { is: 'busy' };
export const IDLE: Reply = { is: 'idle' };

const elements = new Map<Status, ElementReply>(statuses.map((status) => [status, { status }]));

/** An element's status without more. */
export function elementReply(status: Status): ElementReply {
  return elements.get(status) ?? { status };
}

/** A hypercall's value. */
export function rcReply(rc: Rc): Reply {
  return { is: 'rc', rc };
}

/** What a load finds, or an atomic found. */
export function valueOf(value: Word): Reply {
  return { is: 'value', value };
}

export function pageFault(code: number, linear: Word): Reply {
  return { is: 'page_fault', code, linear };
}

/** Whoever is crashed sees no answer, but for what a batch has written to memory before. */
export function crashedIn(reply: Reply): Reply {
  const outcome = reply.is === 'hypercall' ? reply.outcome : undefined;
  return outcome?.is === 'statuses' ? { is: 'crashed', outcome } : CRASHED;
}
