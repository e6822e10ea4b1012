import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import * as content from './content.js';

const half = fc.nat(0xffff_ffff);
const word: fc.Arbitrary<Word> = fc.record({ low: half, high: half });
interface Stored {
  readonly offset: number;
  readonly size: number;
  readonly value: Word;
}
const stored: fc.Arbitrary<Stored> = fc
  .record({ size: fc.integer({ min: 1, max: 8 }), value: word, at: fc.nat(PAGE_BYTES) })
  .map(({ size, value, at }) => ({ size, value, offset: Math.min(at, PAGE_BYTES - size) }));
const stores = fc.array(stored, { maxLength: 12 });

const pageAfter = (all: readonly Stored[]): content.Content => {
  let page = content.zeros;
  for (const { offset, size, value } of all) page = content.storeWord(page, offset, size, value);
  return page;
};

/** The same stores in an array of bytes. */
const bytesAfter = (all: readonly Stored[]): Uint8Array => {
  const bytes = new Uint8Array(PAGE_BYTES);
  for (const { offset, size, value } of all) bytes.set(bytesOf(value).subarray(0, size), offset);
  return bytes;
};

function bytesOf({ low, high }: Word): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  return new Uint8Array(view.buffer);
}

const wordsOf = (page: content.Content): readonly number[] =>
  Array.from({ length: PAGE_BYTES / 4 }, (_, index) => content.wordAt(page, index));
const wordsIn = (bytes: Uint8Array): readonly number[] => [...new Uint32Array(bytes.buffer)];

/** Forward, eight bytes at a time and then byte by byte, within one array. */
function moveForward(bytes: Uint8Array, from: number, to: number, length: number): void {
  const whole = length - (length % 8);
  for (let at = 0; at < whole; at += 8) bytes.copyWithin(to + at, from + at, from + at + 8);
  for (let at = whole; at < length; at++) bytes.copyWithin(to + at, from + at, from + at + 1);
}

/** Two offsets, and a length that leaves the page from neither. */
const range = fc
  .tuple(fc.nat(64), fc.nat(64), fc.nat(PAGE_BYTES))
  .map(
    ([from, to, length]) => [from, to, Math.min(length, PAGE_BYTES - Math.max(from, to))] as const,
  );

describe('the content of a page', () => {
  test('is what bytes are after the same stores', () => {
    fc.assert(
      fc.property(stores, (all) => {
        expect(wordsOf(pageAfter(all))).toEqual(wordsIn(bytesAfter(all)));
      }),
    );
  });

  test('answers a load with the bytes there, and zeros above them', () => {
    fc.assert(
      fc.property(stores, stored, (all, { offset, size }) => {
        const bytes = new Uint8Array(8);
        bytes.set(bytesAfter(all).subarray(offset, offset + size));
        expect(bytesOf(content.loadWord(pageAfter(all), offset, size))).toEqual(bytes);
      }),
    );
  });

  test('is read by 16-bit halves too', () => {
    fc.assert(
      fc.property(stores, fc.nat(PAGE_BYTES / 2 - 1), (all, index) => {
        const halves = new Uint16Array(bytesAfter(all).buffer);
        expect(content.halfAt(pageAfter(all), 2 * index)).toBe(halves[index]);
      }),
    );
  });

  test('is a value: a store answers another content and leaves the old one as it was', () => {
    fc.assert(
      fc.property(stores, stored, (all, { offset, size, value }) => {
        const page = pageAfter(all);
        content.storeWord(page, offset, size, value);
        expect(wordsOf(page)).toEqual(wordsIn(bytesAfter(all)));
      }),
    );
  });

  test('after a copy out of another page has its bytes in the range and no others', () => {
    fc.assert(
      fc.property(stores, stores, range, (others, all, [from, to, length]) => {
        const source = pageAfter(others);
        const bytes = bytesAfter(all);
        bytes.set(bytesAfter(others).subarray(from, from + length), to);
        const target = content.copied(source, from, pageAfter(all), to, length);
        expect(wordsOf(target)).toEqual(wordsIn(bytes));
      }),
    );
  });

  test('after a copy within it shows that bytes move forward, eight at a time', () => {
    fc.assert(
      fc.property(stores, range, (all, [from, to, length]) => {
        const bytes = bytesAfter(all);
        moveForward(bytes, from, to, length);
        const page = content.copied('itself', from, pageAfter(all), to, length);
        expect(wordsOf(page)).toEqual(wordsIn(bytes));
      }),
    );
  });

  test('after a copy by less than eight bytes repeats them in units, and then singly', () => {
    const page = content.storeWord(content.zeros, 0, 8, { low: 0x04030201, high: 0x08070605 });
    const after = content.copied('itself', 0, page, 1, 10);
    expect(content.loadWord(after, 0, 8)).toEqual({ low: 0x03020101, high: 0x07060504 });
    expect(content.loadWord(after, 8, 4)).toEqual({ low: 0x00080808, high: 0 });
  });
});
