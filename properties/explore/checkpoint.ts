import { createHash } from 'node:crypto';
import type { SystemCheckpoint } from './on-system.js';
import type { Search, SearchPlan } from './search.js';

/**
 * A search as bytes: a line of JSON, then the columns of numbers, then the words of the contents of pages,
 * then a digest of all before it. Shapes are not in it: each follows from the first state that has it.
 */

const FORMAT = 'xenolith-explore 1';
const DIGEST_BYTES = 32;

/** The bytes are no checkpoint, or not of this search. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

interface Head {
  readonly format: string;
  /** The bound and the options. */
  readonly plan: string;
  readonly next: number;
  readonly changes: number;
  readonly looseChanges: number;
  readonly begins: readonly number[];
  readonly rules: readonly string[];
  readonly goals: readonly string[];
  /** Numbers in each of the four columns, in the rows of memories, and in the contents. */
  readonly rows: number;
  readonly memoryWords: number;
  readonly contentWords: number;
  /** What was carried out on a system besides. */
  readonly system?: SystemCheckpoint;
}

/** The search so far, and what was done on a system beside it. */
export function checkpointOf(search: Search, system: SystemCheckpoint | undefined): Uint8Array {
  const { plan, visited, shapes, reached } = search;
  const columns = [visited.shapes, visited.memories, visited.parents, visited.ways];
  const memories = shapes.memories.view();
  const contents = shapes.contents.words();
  const head: Head = {
    format: FORMAT,
    plan: textOf(plan),
    next: search.next,
    changes: search.changes,
    looseChanges: search.looseChanges,
    begins: search.begins,
    rules: [...reached.rules].toSorted(),
    goals: [...reached.goals].toSorted(),
    rows: visited.count,
    memoryWords: memories.length,
    contentWords: contents.length,
    ...(system === undefined ? {} : { system }),
  };
  const text = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const body = Buffer.concat([
    text,
    ...columns.map((column) => bytesOf(column.view())),
    bytesOf(memories),
    bytesOf(contents),
  ]);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** Brings a new search to where a checkpoint was; answers what was done on a system. */
export function restore(search: Search, bytes: Uint8Array): SystemCheckpoint | undefined {
  const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES));
  const digest = createHash('sha256').update(body).digest();
  if (!digest.equals(bytes.subarray(body.length)))
    throw new CheckpointError('it is no checkpoint of an exploration, or not all of one');
  const end = body.indexOf(10);
  const head: Head = JSON.parse(new TextDecoder().decode(body.subarray(0, end)));
  const { plan } = search;
  if (head.format !== FORMAT) throw new CheckpointError(`its format is not ${FORMAT}`);
  if (head.plan !== textOf(plan))
    throw new CheckpointError('it is of another bound, or of other options');

  let at = end + 1;
  const take = (words: number): Uint32Array => {
    const column = new Uint32Array(words);
    Buffer.from(column.buffer).set(body.subarray(at, at + words * 4));
    at += words * 4;
    return column;
  };
  const { rows } = head;
  const [shapes, memories, parents, ways] = [take(rows), take(rows), take(rows), take(rows)];
  const memoryRows = take(head.memoryWords / 2);
  search.shapes.memories.restore(new Uint16Array(memoryRows.buffer));
  search.shapes.contents.restore(take(head.contentWords));
  search.restore({ shapes, memories, parents, ways });
  search.next = head.next;
  search.changes = head.changes;
  search.looseChanges = head.looseChanges;
  search.begins.splice(0, search.begins.length, ...head.begins);
  for (const rule of head.rules) search.reached.rules.add(rule);
  for (const goal of head.goals) search.reached.goals.add(goal);
  return head.system;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array | Uint16Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** The same for the same search, whatever the bound is called. */
function textOf({ bound, isSymmetric, depth, states }: SearchPlan): string {
  const { machine, boot, opening, acts, symmetry } = bound;
  const digest = createHash('sha256')
    .update(JSON.stringify([machine, boot, opening, acts, symmetry]))
    .digest('hex');
  return [digest, isSymmetric, depth, states].join(' ');
}
