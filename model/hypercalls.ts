import * as abi from '../abi/layouts.js';
import type { DomainId } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { Hypercall } from '../abi/step.js';
import * as calls from './calls.js';
import type { Ended } from './calls.js';
import { compatCopyCall, copyCall, mapCall, swapCall, unmapCall } from './grant-hypercalls.js';
import { theDomain } from './derived.js';
import { memoryHypercall } from './memory-hypercalls.js';
import { settled, type Alternative, type Objection } from './outcome.js';
import type { State } from './state.js';
import { getVersionCall, querySizeCall, setupTableCall } from './table-hypercalls.js';
import { setVersionCall } from './table-hypercalls.js';

/** Hypercalls with their arguments in the caller's memory (grants.md 5, p2m.md 3.5). */

/**
 * [M1] A hypercall: its number and command name an operation, and what is at `argument` is read for
 * it in the caller's layout. Where a map was made its handle and frame are in memory from then on,
 * so that what comes after may hang on them: the outcome is known once they are ([G15]).
 */
export function hypercall(state: State, made: Hypercall): readonly Alternative[] {
  const usual = performed(state, made, undefined);
  if ('objection' in usual) throw new Error(`the spec objects to itself: ${usual.objection}`);
  const alternative = alternativeOf(usual, made.caller);
  const isMap = usual.outcome?.is === 'statuses' && usual.rules.includes('G1');
  if (!isMap) return [alternative];
  const given = (actual: Reply): Alternative => {
    const isEnd = actual.is === 'hypercall' || actual.is === 'crashed';
    const answers = isEnd ? actual.outcome : undefined;
    const seen = answers?.is === 'statuses' ? answers.elements : undefined;
    const ended = performed(state, made, seen);
    return 'objection' in ended
      ? { ...alternative, next: () => ended }
      : alternativeOf(ended, made.caller);
  };
  return [{ ...alternative, given, next: (actual) => given(actual).next(actual) }];
}

export const alternativeOf = (
  { rc, outcome, rules, next }: Ended,
  caller: DomainId,
): Alternative =>
  rc === 'crashed' || theDomain(next, caller).crashed
    ? settled({ is: 'crashed', ...(outcome?.is === 'statuses' && { outcome }) }, next, rules)
    : settled({ is: 'hypercall', rc, outcome }, next, rules);

function performed(
  state: State,
  made: Hypercall,
  seen: readonly ElementReply[] | undefined,
): Ended | Objection {
  if (made.as === 'user') return calls.refused(state, '-EPERM', 'M1.1');
  switch (made.number) {
    case abi.HYPERVISOR_grant_table_op:
      return grantHypercall(state, made, seen);
    case abi.HYPERVISOR_memory_op:
      return memoryHypercall(state, made);
    default:
      return calls.refused(state, '-ENOSYS', 'M1.2');
  }
}

/** [M1] Which grant operation it is. set_version and get_version do not look at the count. */
function grantHypercall(
  state: State,
  made: Hypercall,
  seen: readonly ElementReply[] | undefined,
): Ended | Objection {
  const call = grantCall(made, seen);
  if (call === undefined) return calls.refused(state, '-ENOSYS', 'M1.3');
  if (made.count > abi.COUNT_MAXIMUM) return calls.refused(state, '-EINVAL', 'M1.4');
  return call(state, made);
}

type Call = (state: State, made: Hypercall) => Ended | Objection;

function grantCall(asked: Hypercall, seen?: readonly ElementReply[]): Call | undefined {
  switch (asked.command) {
    case abi.GNTTABOP_map_grant_ref:
      return (state, made) => mapCall(state, made, seen);
    case abi.GNTTABOP_unmap_grant_ref:
      return unmapCall;
    case abi.GNTTABOP_copy:
      return asked.layout === 'native' ? copyCall : compatCopyCall;
    case abi.GNTTABOP_setup_table:
      return setupTableCall;
    case abi.GNTTABOP_query_size:
      return querySizeCall;
    case abi.GNTTABOP_set_version:
      return setVersionCall;
    case abi.GNTTABOP_get_version:
      return getVersionCall;
    case abi.GNTTABOP_swap_grant_ref:
      return swapCall;
    default:
      return undefined;
  }
}
