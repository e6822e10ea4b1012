import { isList } from '../recordings/fields.js';
import type { Json, JsonObject } from '../recordings/json-text.js';

/**
 * A recorded result with one answer in it changed, or undefined where it has none to change.
 * Handles and frames are left alone: they are the hypervisor's to choose.
 */
export function altered(result: JsonObject): JsonObject | undefined {
  if (Object.hasOwn(result, 'rc') && result['rc'] !== 0) return changed(result, 'rc', errno);
  const batch = result['ops'];
  if (Array.isArray(batch)) return alteredBatch(result, batch);
  const row = alterations.find(([key]) => Object.hasOwn(result, key));
  return row === undefined ? undefined : changed(result, ...row);
}

type Alter = (value: Json) => Json;

function alteredBatch(result: JsonObject, batch: readonly JsonObject[]): JsonObject | undefined {
  const [first, ...rest] = batch;
  const other = first === undefined ? undefined : altered(first);
  return other === undefined ? undefined : { ...result, ops: [other, ...rest] };
}

function changed(result: JsonObject, key: string, alter: Alter): JsonObject {
  const value = result[key];
  return value === undefined ? result : { ...result, [key]: alter(value) };
}

const number: Alter = (value) =>
  `0x${(BigInt(typeof value === 'number' ? value : textOf(value)) ^ 1n).toString(16)}`;
const either =
  (one: Json, other: Json): Alter =>
  (value) =>
    value === one ? other : one;
const errno = either('-EBUSY', '-EPERM');
const firstByte: Alter = (value) => {
  const text = textOf(value);
  return (text.startsWith('00') ? '01' : '00') + text.slice(2);
};

const textOf = (value: Json): string => (typeof value === 'string' ? value : '');

/** Of these the first that a result has is altered. */
const alterations: readonly (readonly [key: string, alter: Alter])[] = [
  ['nr_frames', number],
  ['frames', (frames) => (isList(frames) ? [...frames, 0] : frames)],
  ['errs', (errors) => (isList(errors) ? errors.map(errno) : errors)],
  ['status', either('eagain', 'okay')],
  ['q0', number],
  ['memtype', either('ram_rw', 'mmio_dm')],
  ['tot', number],
  ['version', either(1, 2)],
  ['nr_exchanged', number],
  ['rc', errno],
  ['value', number],
  ['old', number],
  ['rax', number],
  ['flags', number],
  ['status_word', number],
  ['raw', firstByte],
  ['data', firstByte],
];
