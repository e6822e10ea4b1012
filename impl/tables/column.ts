import { AssertionFailed } from '../assert.js';

/*
 * Reads of one row of a typed-array column. A row outside the table is a bug of the hypervisor. One
 * function for each width keeps every read monomorphic.
 */
export function byteAt(column: Uint8Array, row: number): number {
  const value = column[row];
  if (value === undefined) throw outside(row);
  return value;
}

export function halfAt(column: Uint16Array, row: number): number {
  const value = column[row];
  if (value === undefined) throw outside(row);
  return value;
}

export function wordAt(column: Uint32Array, row: number): number {
  const value = column[row];
  if (value === undefined) throw outside(row);
  return value;
}

export function signedAt(column: Int32Array, row: number): number {
  const value = column[row];
  if (value === undefined) throw outside(row);
  return value;
}

export function numberAt(column: Float64Array, row: number): number {
  const value = column[row];
  if (value === undefined) throw outside(row);
  return value;
}

/** Apart from the reads, which stay so short that they are inlined wherever they are used. */
function outside(row: number): AssertionFailed {
  return new AssertionFailed(`row ${row} is outside the table`);
}
