import type { Line, MarshalledCall, MarshalledLine } from '../../abi/program.js';
import type { Hypercall } from '../../abi/step.js';
import { ownOf, rewriteAddress, type Rewrite } from './rewrite-numbers.js';
import { accessorAt, rewriteLinearAddress, simplicity } from './rewrite-paging.js';

/** Hypercalls with their arguments in memory with every number replaced, as `rewriteLine` does it. */

export const rewriteHypercall = (line: Hypercall, by: Rewrite): Line => ({
  ...line,
  ...ownOf(line, by),
  argument: rewriteLinearAddress(line.argument, by),
  count: by.number(line.count, 'count'),
  as: accessorAt(by.number(simplicity.indexOf(line.as), 'accessor')),
});

/** The call has its caller and vcpu from the line: they are not numbers of their own. */
export function rewriteMarshalled(
  line: MarshalledLine,
  by: Rewrite,
  rewrite: (call: MarshalledCall, by: Rewrite) => Line,
): Line {
  const own = ownOf(line, by);
  const head = {
    ...line,
    ...own,
    place: rewriteAddress(line.place, line.caller, by),
    linear: rewriteLinearAddress(line.linear, by),
    count: line.count === undefined ? undefined : by.number(line.count, 'count'),
    as: accessorAt(by.number(simplicity.indexOf(line.as), 'accessor')),
  };
  const call = rewrite(line.call, withoutCaller(by));
  return { ...head, call: isCall(call, line.call) ? { ...call, ...own } : line.call };
}

/** Who calls is the first domain of a call, and the only vcpu. */
function withoutCaller(by: Rewrite): Rewrite {
  let isFirst = true;
  return {
    domain: (id) => {
      if (!isFirst) return by.domain(id);
      isFirst = false;
      return id;
    },
    gfn: (gfn, of) => by.gfn(gfn, of),
    ref: (ref, of) => by.ref(ref, of),
    number: (n, kind) => (kind === 'vcpu' ? n : by.number(n, kind)),
  };
}

/** A rewritten line is still of the operation that it was. */
const isCall = (line: Line, call: MarshalledCall): line is MarshalledCall => line.op === call.op;
