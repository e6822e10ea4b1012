import type { Reply } from '../../abi/reply.js';
import type { Rc } from '../../abi/status.js';
import type { Hypercall } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import type { GuestArguments } from '../guest-arguments.js';
import type { Invocation } from '../invocation.js';

/** A hypercall on its way: its registers, where its arguments begin, and how they are reached. */
export interface InMemory {
  readonly step: Hypercall;
  readonly base: Word;
  readonly args: GuestArguments;
  readonly invocation: Invocation;
}

/** Nothing was called. */
export function refused(rc: Rc): Reply {
  return { is: 'hypercall', rc, outcome: undefined };
}
