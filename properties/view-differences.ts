import type { Witness } from './frame-rule.js';

/** [E6] What differs between the system's view and the model's state. */

export const differ = (
  path: string,
  place: string,
  expected: unknown,
  actual: unknown,
): Witness => ({
  claim: 'E6',
  path,
  expected: place + String(expected),
  actual: place + String(actual),
});

export function compareLists(
  path: string,
  expected: readonly unknown[],
  actual: readonly unknown[],
): Witness | undefined {
  const same = expected.length === actual.length && expected.every((x, i) => x === actual[i]);
  return same ? undefined : differ(path, '', expected.join(', '), actual.join(', '));
}
