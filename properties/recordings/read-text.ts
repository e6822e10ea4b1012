import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { RecordingError } from './recording-error.js';

const FILE_BYTES = 64 * 2 ** 20;
const TEXT_BYTES = 256 * 2 ** 20;

/**
 * The text of a file, plain or compressed with gzip; `file` is the name that errors give. Throws a
 * `RecordingError` for an absurd size and for what cannot be decompressed.
 */
export function readText(path: string, file: string): string {
  const { size } = statSync(path);
  if (size > FILE_BYTES)
    throw new RecordingError(file, '$', `${size} bytes are too many; the limit is ${FILE_BYTES}`);
  const bytes = readFileSync(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { maxOutputLength: TEXT_BYTES }).toString('utf8');
  } catch (problem) {
    const what = problem instanceof Error ? problem.message : String(problem);
    throw new RecordingError(file, '$', `cannot be decompressed: ${what}`);
  }
}
