import { forEach, get, type Keyed } from '../values/keyed.js';

/** The keys and values of a map, ascending, as a list that outlives changes of what is walked. */
export function entries<Value>(map: Keyed<Value>): readonly (readonly [number, Value])[] {
  const list: (readonly [number, Value])[] = [];
  forEach(map, (value, key) => list.push([key, value]));
  return list;
}

export const has = <Value>(map: Keyed<Value>, key: number): boolean => get(map, key) !== undefined;
