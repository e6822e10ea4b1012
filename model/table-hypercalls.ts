import * as abi from '../abi/layouts.js';
import { DOMID_SELF, DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import { statuses, type Status } from '../abi/status.js';
import type { Hypercall } from '../abi/step.js';
import { after, argumentOf, bytesAt, numberIn, withBytes, withNumber, wordIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended } from './calls.js';
import { theDomain } from './derived.js';
import type { Result } from './outcome.js';
import type { State } from './state.js';
import { getVersion, querySize, setupTable } from './table.js';
import { setVersion } from './version.js';

/** The grant operations on a table, each with one structure for its argument (grants.md 5.3). */

type Bytes = readonly number[];

/** [M2] [M3] One structure is read, what it asks for is done, and some of it is written back. */
function one(
  state: State,
  made: Hypercall,
  size: number,
  ask: (now: State, bytes: Bytes) => Result,
  /** What is written, and from which byte on; undefined for nothing. */
  report: (
    bytes: Bytes,
    answer: Reply | 'crashed',
    now: State,
  ) => readonly [number, Bytes] | undefined,
): Ended {
  const { bytes, next: now } = bytesAt(state, made, argumentOf(made), size);
  if (bytes === undefined) return calls.unread({ next: now, outcome: undefined, rules: [] });
  const { answer, rule, next = now } = ask(now, bytes);
  const [from, result] = report(bytes, answer, next) ?? [0, []];
  const written = withBytes(next, made, after(argumentOf(made), from), result);
  const outcome = answer === 'crashed' ? undefined : answer;
  const sofar = { next: written.next, outcome, rules: [rule] };
  if (answer === 'crashed') return calls.fatal(sofar);
  const rc = 'rc' in answer ? answer.rc : 0;
  return written.isWhole ? calls.through(sofar, rc) : calls.unwritten(sofar);
}

/** A count that is not one is refused before anything is read. */
const uncounted = (state: State, { answer, rule }: Result): Ended => {
  const outcome = answer === 'crashed' ? undefined : answer;
  const rc = outcome !== undefined && 'rc' in outcome ? outcome.rc : 0;
  return { rc, outcome, rules: [rule], next: state };
};

const by = ({ caller, vcpu, count }: Hypercall) => ({ caller, vcpu, count, target: DOMID_SELF });

const statusNumber = (status: Status): number => -statuses.indexOf(status);

/**
 * [M3] setup_table writes its list, and then its status. Of 64 bits: each number of the list that can
 * be written, and of the argument nothing but the status. Of 32 bits: numbers cut to 32 bits, up to
 * the first that cannot be written, and then the whole argument as it was read.
 */
export function setupTableCall(state: State, made: Hypercall): Ended {
  const { caller, layout } = made;
  const { setupTable: at, frame } = abi.structures[layout];
  const isNative = layout === 'native';
  if (!isNative && made.count === 0)
    return calls.through({ next: state, outcome: undefined, rules: [] });
  const call = { ...by(made), op: 'setup_table', frames: 0, list: undefined } as const;
  if (made.count !== 1) return uncounted(state, setupTable(state, caller, call));
  const ask = (now: State, bytes: Bytes): Result => {
    const target = DomainId(numberIn(bytes, at.domain));
    const frames = numberIn(bytes, at.frames);
    const done = setupTable(now, caller, { ...call, target, frames });
    const { answer } = done;
    if (answer === 'crashed' || answer.is !== 'table') return done;
    let next = done.next ?? now;
    let isListed = true;
    for (const [i, gfn] of answer.frames.entries()) {
      if (!isNative && !isListed) break;
      const item = withNumber([], frame.number, gfn);
      const written = withBytes(next, made, after(wordIn(bytes, at.list), i * frame.bytes), item);
      next = written.next;
      isListed &&= written.isWhole;
    }
    if (isListed) return { ...done, next };
    return { answer: { is: 'table', status: 'bad_virt_addr', frames: [] }, rule: 'M3.2', next };
  };
  return one(state, made, at.bytes, ask, (bytes, answer) => {
    const status = answer !== 'crashed' && answer.is === 'table' ? answer.status : 'general_error';
    const answered = withNumber(bytes, at.status, statusNumber(status));
    const [from, width] = at.status;
    return isNative ? [from, answered.slice(from, from + width)] : [0, answered];
  });
}

/** [M3] query_size writes its whole argument back, with new numbers only where it has them. */
export function querySizeCall(state: State, made: Hypercall): Ended {
  const { querySize: at } = abi.structures.native;
  const call = { ...by(made), op: 'query_size' } as const;
  if (made.count !== 1) return uncounted(state, querySize(state, made.caller, call));
  const ask = (now: State, bytes: Bytes): Result =>
    querySize(now, made.caller, { ...call, target: DomainId(numberIn(bytes, at.domain)) });
  return one(state, made, at.bytes, ask, (bytes, answer) => {
    if (answer === 'crashed' || answer.is !== 'size') return undefined;
    const { status, frames, maximum } = answer;
    const answered = withNumber(bytes, at.status, statusNumber(status));
    if (status !== 'okay') return [0, answered];
    return [0, withNumber(withNumber(answered, at.frames, frames), at.maximum, maximum)];
  });
}

/** [M3] set_version writes back the version in force, also where it was refused or was fatal. */
export function setVersionCall(state: State, made: Hypercall): Ended {
  const { setVersion: at } = abi.structures.native;
  const ask = (now: State, bytes: Bytes): Result => {
    const version = numberIn(bytes, at.version);
    return setVersion(now, made.caller, { ...by(made), op: 'set_version', version });
  };
  return one(state, made, at.bytes, ask, (bytes, _, now) => {
    const { grantVersion } = theDomain(now, made.caller);
    return [0, withNumber(bytes, at.version, grantVersion)];
  });
}

/** [M3] get_version writes the version, if it has one to tell. */
export function getVersionCall(state: State, made: Hypercall): Ended {
  const { getVersion: at } = abi.structures.native;
  const ask = (now: State, bytes: Bytes): Result => {
    const target = DomainId(numberIn(bytes, at.domain));
    return getVersion(now, made.caller, { ...by(made), op: 'get_version', target });
  };
  return one(state, made, at.bytes, ask, (_, answer) => {
    if (answer === 'crashed' || answer.is !== 'version' || answer.version === 0) return undefined;
    const [from, width] = at.version;
    return [from, withNumber([], [0, width], answer.version)];
  });
}
