import type { Keyed } from '../values/keyed.js';

/** What is told about one key: its value before and after; undefined is "not there". */
export type VisitDifference<Value> = (
  key: number,
  before: Value | undefined,
  after: Value | undefined,
) => void;

/**
 * Visits every key whose value is not the same one in both maps, ascending. The maps of two
 * neighbouring states share nearly all of their nodes, and shared nodes are not looked into.
 */
export function differences<Value>(
  before: Keyed<Value>,
  after: Keyed<Value>,
  visit: VisitDifference<Value>,
): void {
  if (before === after) return;
  if (before === undefined) return added(after, visit);
  if (after === undefined) return removed(before, visit);

  if (before.half === after.half && before.key === after.key) {
    if (before.half === 0) {
      if (before.value !== after.value) visit(before.key, before.value, after.value);
      return;
    }
    differences(before.low, after.low, visit);
    differences(before.high, after.high, visit);
  } else if (before.half > after.half && holds(before, after.key)) {
    const low = after.key < before.key;
    differences(before.low, low ? after : undefined, visit);
    differences(before.high, low ? undefined : after, visit);
  } else if (after.half > before.half && holds(after, before.key)) {
    const low = before.key < after.key;
    differences(low ? before : undefined, after.low, visit);
    differences(low ? undefined : before, after.high, visit);
  } else if (before.key < after.key) {
    removed(before, visit);
    added(after, visit);
  } else {
    added(after, visit);
    removed(before, visit);
  }
}

type Node<Value> = NonNullable<Keyed<Value>>;

const holds = <Value>({ half, key }: Node<Value>, other: number): boolean =>
  other >= key - half && other < key + half;

function added<Value>(map: Keyed<Value>, visit: VisitDifference<Value>): void {
  if (map === undefined) return;
  if (map.half === 0) return visit(map.key, undefined, map.value);
  added(map.low, visit);
  added(map.high, visit);
}

function removed<Value>(map: Keyed<Value>, visit: VisitDifference<Value>): void {
  if (map === undefined) return;
  if (map.half === 0) return visit(map.key, map.value, undefined);
  removed(map.low, visit);
  removed(map.high, visit);
}
