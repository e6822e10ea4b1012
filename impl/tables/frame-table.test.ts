import { describe, expect, test } from 'vitest';
import { DomainId, INVALID_GFN, Mfn } from '../../abi/ids.js';
import { FrameTable, NOBODY } from './frame-table.js';

const owner = DomainId(1);

describe('frame table', () => {
  test('a frame is free, then its owner has it with one reference, then it is free again [F1]', () => {
    const frames = new FrameTable(4);
    const mfn = Mfn(2);
    expect([frames.isFree(mfn), frames.ownerOf(mfn)]).toEqual([true, NOBODY]);
    frames.take(mfn);
    frames.assign(mfn, owner);
    expect([frames.ownerOf(mfn), frames.referencesOf(mfn), frames.isAllocated(mfn)]).toEqual([
      1,
      1,
      true,
    ]);
    frames.clearAllocated(mfn);
    frames.dereference(mfn);
    frames.free(mfn);
    expect([frames.isFree(mfn), frames.ownerOf(mfn), frames.gfnOf(mfn)]).toEqual([
      true,
      NOBODY,
      INVALID_GFN,
    ]);
  });

  test('a frame that nothing references gives no reference (p2m.md 1.3)', () => {
    const frames = new FrameTable(1);
    frames.take(Mfn(0));
    expect(frames.reference(Mfn(0))).toBe(false);
  });

  test('a page of Xen has its pinned type and loses it when it is taken back [F17]', () => {
    const frames = new FrameTable(1);
    frames.take(Mfn(0));
    frames.share(Mfn(0), owner, true);
    expect([frames.isXenHeap(Mfn(0)), frames.typeReferencesOf(Mfn(0))]).toEqual([true, 1]);
    expect(() => frames.unshare(Mfn(0))).toThrow('a frame that is taken back has no reference');
    frames.clearAllocated(Mfn(0));
    frames.dereference(Mfn(0));
    frames.unshare(Mfn(0));
    frames.free(Mfn(0));
    expect(frames.isFree(Mfn(0))).toBe(true);
  });

  test('a type reference stays validated when its count falls to none [F8]', () => {
    const frames = new FrameTable(1);
    frames.take(Mfn(0));
    frames.assign(Mfn(0), owner);
    frames.referenceWritable(Mfn(0));
    frames.dereferenceWritable(Mfn(0));
    expect([
      frames.typeReferencesOf(Mfn(0)),
      frames.isValidated(Mfn(0)),
      frames.isWritable(Mfn(0)),
    ]).toEqual([0, true, true]);
    expect(() => frames.dereferenceWritable(Mfn(0))).toThrow(
      'a type reference that is dropped was held',
    );
  });

  test('a frame that is still referenced cannot be freed', () => {
    const frames = new FrameTable(1);
    frames.take(Mfn(0));
    frames.assign(Mfn(0), owner);
    expect(() => frames.free(Mfn(0))).toThrow('a frame that is freed has no reference');
    expect(() => frames.take(Mfn(0))).toThrow('a frame that is handed out was free');
  });
});
