/**
 * A finite map from numbers to values, as a value: `put` and `drop` answer a new map and share what
 * did not change. Keys are integers from 0 up to 2^53; visits are in ascending order.
 *
 * An empty map is `undefined`. A fork splits an aligned range of keys, [key - half, key + half),
 * into its two halves, both of them inhabited; a leaf has `half` 0 and holds one key.
 */
export type Keyed<Value> = Node<Value> | undefined;

export interface Node<Value> {
  readonly half: number;
  /** The key of a leaf, the first key of the upper half of a fork. */
  readonly key: number;
  readonly value: Value | undefined;
  readonly low: Keyed<Value>;
  readonly high: Keyed<Value>;
}

export function get<Value>(map: Keyed<Value>, key: number): Value | undefined {
  let node = map;
  while (node !== undefined && node.half !== 0) node = key < node.key ? node.low : node.high;
  return node?.key === key ? node.value : undefined;
}

export const has = <Value>(map: Keyed<Value>, key: number): boolean => get(map, key) !== undefined;

export function put<Value>(map: Keyed<Value>, key: number, value: Value): Node<Value> {
  if (map === undefined) return leaf(key, value);
  if (!within(map, key)) return join(leaf(key, value), map);
  if (map.half === 0) return leaf(key, value);
  return key < map.key
    ? fork(map.half, map.key, put(map.low, key, value), map.high)
    : fork(map.half, map.key, map.low, put(map.high, key, value));
}

export function drop<Value>(map: Keyed<Value>, key: number): Keyed<Value> {
  if (map === undefined || !within(map, key)) return map;
  if (map.half === 0) return undefined;
  const low = key < map.key ? drop(map.low, key) : map.low;
  const high = key < map.key ? map.high : drop(map.high, key);
  if (low === undefined || high === undefined) return low ?? high;
  return low === map.low && high === map.high ? map : fork(map.half, map.key, low, high);
}

/** Calls `visit` for each value, by ascending key. */
export function forEach<Value>(
  map: Keyed<Value>,
  visit: (value: Value, key: number) => void,
): void {
  let node = map;
  while (node !== undefined && node.half !== 0) {
    forEach(node.low, visit);
    node = node.high;
  }
  if (node?.value !== undefined) visit(node.value, node.key);
}

/** The keys and values, by ascending key. */
export function entries<Value>(map: Keyed<Value>): readonly (readonly [number, Value])[] {
  const all: [number, Value][] = [];
  forEach(map, (value, key) => all.push([key, value]));
  return all;
}

/** The first key, ascending, whose value satisfies `test`, or undefined. */
export function findKey<Value>(
  map: Keyed<Value>,
  test: (value: Value, key: number) => boolean,
): number | undefined {
  if (map === undefined) return undefined;
  if (map.half !== 0) return findKey(map.low, test) ?? findKey(map.high, test);
  return map.value !== undefined && test(map.value, map.key) ? map.key : undefined;
}

/** How many values satisfy `test`. */
export function count<Value>(map: Keyed<Value>, test: (value: Value) => boolean): number {
  if (map === undefined) return 0;
  if (map.half !== 0) return count(map.low, test) + count(map.high, test);
  return map.value !== undefined && test(map.value) ? 1 : 0;
}

const leaf = <Value>(key: number, value: Value): Node<Value> => {
  return { half: 0, key, value, low: undefined, high: undefined };
};

const fork = <Value>(
  half: number,
  key: number,
  low: Keyed<Value>,
  high: Keyed<Value>,
): Node<Value> => ({ half, key, value: undefined, low, high });

/** Whether a node's range holds the key; a leaf's range is its key. */
const within = <Value>({ half, key: middle }: Node<Value>, key: number): boolean =>
  half === 0 ? key === middle : key >= middle - half && key < middle + half;

/** Two nodes with disjoint ranges under the smallest aligned range that holds both. */
function join<Value>(a: Node<Value>, b: Node<Value>): Node<Value> {
  let half = 1;
  while (Math.floor(a.key / (2 * half)) !== Math.floor(b.key / (2 * half))) half *= 2;
  const middle = Math.floor(Math.max(a.key, b.key) / half) * half;
  return a.key < b.key ? fork(half, middle, a, b) : fork(half, middle, b, a);
}
