import type { Json, JsonObject } from './json-text.js';
import { RecordingError } from './recording-error.js';

/** The longest list (extents, batch elements, frames) that a recorded step may carry. */
export const LIST_LIMIT = 4096;

/**
 * An object of a recording together with where it stands, so that every wrong shape is reported
 * with its file and JSON path. Each reader throws a `RecordingError` for a wrong shape.
 */
export class Fields {
  readonly #object: JsonObject;
  readonly #file: string;
  readonly path: string;

  constructor(value: Json | undefined, file: string, path: string) {
    if (value === null || typeof value !== 'object' || isList(value))
      throw new RecordingError(file, path, `expected an object, found ${kindOf(value)}`);
    this.#object = value;
    this.#file = file;
    this.path = path;
  }

  keys(): string[] {
    return Object.keys(this.#object);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#object, key);
  }

  /** The value as it stands; undefined where the key is missing. */
  raw(key: string): Json | undefined {
    return this.has(key) ? this.#object[key] : undefined;
  }

  /** The whole object as it stands. */
  rawObject(): JsonObject {
    return this.#object;
  }

  string(key: string): string {
    const value = this.raw(key);
    return typeof value === 'string' ? value : this.#refuse(key, 'a string', value);
  }

  boolean(key: string): boolean {
    const value = this.raw(key);
    return typeof value === 'boolean' ? value : this.#refuse(key, 'true or false', value);
  }

  /** A whole number of any sign and size: a JSON number, or text in decimal or hexadecimal. */
  quantity(key: string): bigint {
    return this.asQuantity(this.raw(key), key);
  }

  asQuantity(value: Json | undefined, key: string): bigint {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
    if (typeof value === 'string' && QUANTITY.test(value)) return BigInt(value);
    return this.#refuse(key, 'a whole number', value);
  }

  /** A quantity within `from`..`to`, as a number. */
  count(key: string, from: number, to: number): number {
    const value = this.quantity(key);
    if (value < from || value > to)
      throw new RecordingError(
        this.#file,
        this.#at(key),
        `${value} is not within ${from} to ${to}`,
      );
    return Number(value);
  }

  list(key: string, limit: number = LIST_LIMIT): readonly Json[] {
    const value = this.raw(key);
    if (!isList(value)) return this.#refuse(key, 'a list', value);
    if (value.length > limit)
      throw new RecordingError(
        this.#file,
        this.#at(key),
        `a list of ${value.length} is too long; the limit is ${limit}`,
      );
    return value;
  }

  quantities(key: string): readonly bigint[] {
    return this.list(key).map((value, i) => this.asQuantity(value, `${key}[${i}]`));
  }

  /** The object at a key, as fields. */
  object(key: string): Fields {
    return new Fields(this.raw(key), this.#file, this.#at(key));
  }

  /** The objects of a list, as fields. */
  objects(key: string, limit: number = LIST_LIMIT): readonly Fields[] {
    const list = this.list(key, limit);
    return list.map((value, i) => new Fields(value, this.#file, this.#at(`${key}[${i}]`)));
  }

  /** Bytes written as hexadecimal text. */
  bytes(key: string): Uint8Array {
    const text = this.string(key);
    if (!/^(?:[0-9a-f]{2})*$/i.test(text) || text.length > 2 * 65536)
      return this.#refuse(key, 'bytes in hexadecimal, at most 65536', text);
    return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  }

  /** An error at this place as a whole. */
  error(what: string): RecordingError {
    return new RecordingError(this.#file, this.path, what);
  }

  /** Gives up: what stands at `key` is not what is expected. */
  refuse(key: string, expected: string): never {
    return this.#refuse(key, expected, this.raw(key));
  }

  /** The same place with other contents. */
  replaced(value: JsonObject): Fields {
    return new Fields(value, this.#file, this.path);
  }

  #at(key: string): string {
    return /^[A-Za-z_]\w*(?:\[\d+\])*$/.test(key)
      ? `${this.path}.${key}`
      : `${this.path}[${JSON.stringify(key)}]`;
  }

  #refuse(key: string, expected: string, found: Json | undefined): never {
    throw new RecordingError(
      this.#file,
      this.#at(key),
      `expected ${expected}, found ${kindOf(found)}`,
    );
  }
}

const QUANTITY = /^(?:0[xX][0-9a-fA-F]{1,16}|-?\d{1,20})$/;

/** `Array.isArray` does not narrow readonly lists. */
export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

function kindOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (isList(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
