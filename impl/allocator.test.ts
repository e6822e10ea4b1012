import { describe, expect, test } from 'vitest';
import { Mfn } from '../abi/ids.js';
import { FrameShare } from './allocator.js';
import { Ram } from './hardware/ram.js';
import { FrameTable } from './tables/frame-table.js';

describe('allocator', () => {
  test('a frame that comes back is zero before anyone can have it again', () => {
    const ram = new Ram(3);
    const share = new FrameShare(ram, new FrameTable(3), 1, 2);
    const mfn = share.take();
    if (mfn === undefined) throw new Error('a fresh share has a frame');
    ram.store32(mfn, 8, 0xdead);
    share.giveBack(mfn);
    expect(ram.isZero(mfn)).toBe(true);
    expect(share.take()).toBe(mfn);
  });

  test('a share gives each of its frames once and then none', () => {
    const share = new FrameShare(new Ram(3), new FrameTable(3), 1, 2);
    expect([share.take(), share.take(), share.take()]).toEqual([1, 2, undefined]);
    expect(share.freeCount()).toBe(0);
  });

  test('a run that is offered comes next, in order; what it passes over comes last', () => {
    const share = new FrameShare(new Ram(14), new FrameTable(14), 1, 12);
    const taken = [share.take(), share.take(), share.take()];
    for (const mfn of taken) if (mfn !== undefined && mfn < 3) share.giveBack(mfn);
    share.offerRun(4);
    expect([1, 2, 3, 4].map(() => share.take())).toEqual([4, 5, 6, 7]);
    share.giveBack(Mfn(5));
    share.offerRun(4);
    expect([1, 2, 3, 4, 5].map(() => share.take())).toEqual([8, 9, 10, 11, 5]);
    share.offerRun(4);
    expect([1, 2, 3, 4].map(() => share.take())).toEqual([2, 1, 12, undefined]);
  });
});
