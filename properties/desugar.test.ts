import { describe, expect, test } from 'vitest';
import {
  DomainId,
  Gfn,
  GrantRef,
  GuestPhysical,
  Handle,
  Mfn,
  NO_HANDLE,
  VcpuId,
} from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { GrantLine, PteLine, UnmapLine } from '../abi/program.js';
import { desugar, Handles } from './desugar.js';

const grant: GrantLine = {
  op: 'grant',
  caller: DomainId(1),
  vcpu: VcpuId(0),
  ref: GrantRef(17),
  table: Gfn(0x20),
  version: 1,
  flags: 0x5,
  to: DomainId(2),
  frame: 0x1234,
  detail: { is: 'none' },
};

const pte: PteLine = {
  op: 'pte',
  caller: DomainId(1),
  vcpu: VcpuId(1),
  table: Gfn(4),
  index: 3,
  width: 8,
  flags: 0x3,
  frame: Gfn(7),
  high: 0x8000_0000,
};

describe('desugar', () => {
  test('a version 1 entry is one store, in the frame that its ref is in', () => {
    // 16 refs of 8 bytes to a frame of the small machine: ref 17 is the second one of frame 1.
    expect(desugar(grant, presets.small, new Handles())).toEqual([
      {
        op: 'store',
        caller: 1,
        vcpu: 0,
        address: 0x2_1008,
        size: 8,
        value: { low: 0x0002_0005, high: 0x1234 },
      },
    ]);
  });

  test('a version 2 entry is stored second half first, so that it is never half valid', () => {
    const detail = { is: 'sub_page', offset: 0x10, length: 0x20 } as const;
    const steps = desugar(
      { ...grant, version: 2, frame: 2 ** 33, detail },
      presets.small,
      new Handles(),
    );
    expect(steps).toMatchObject([
      { address: 0x2_2018, value: { low: 0, high: 2 } },
      { address: 0x2_2010, value: { low: 0x0002_0005, high: 0x0020_0010 } },
    ]);
  });

  test('a transitive entry names a ref where others name a frame', () => {
    const detail = { is: 'transitive', domain: DomainId(3), ref: GrantRef(6) } as const;
    const steps = desugar({ ...grant, version: 2, detail }, presets.small, new Handles());
    expect(steps).toMatchObject([{ value: { low: 6, high: 0 } }, { value: { high: 3 } }]);
  });

  test('an entry of a page table is one store of its width', () => {
    const storeOf = (entry: Partial<PteLine>): unknown =>
      desugar({ ...pte, ...entry }, presets.paged, new Handles());
    expect(storeOf({})).toEqual([
      {
        op: 'store',
        caller: 1,
        vcpu: 1,
        address: 0x4018,
        size: 8,
        value: { low: 0x0000_7003, high: 0x8000_0000 },
      },
    ]);
    const far = { frame: Gfn(0x12_3456_789a), flags: 0xfff };
    expect(storeOf(far)).toMatchObject([{ value: { low: 0x6789_afff, high: 0x8001_2345 } }]);
    expect(storeOf({ ...far, width: 4, index: 1023 })).toMatchObject([
      { address: 0x4ffc, size: 4, value: { low: 0x6789_afff, high: 0 } },
    ]);
  });

  test('a handle is the one that its line was answered with, or nobody’s', () => {
    const handles = new Handles();
    handles.note(4, {
      is: 'statuses',
      elements: [{ status: 'okay', handle: Handle(0), frame: Mfn(9) }, { status: 'bad_gntref' }],
    });
    const named = (line: number, element: number): UnmapLine => ({
      op: 'unmap',
      caller: DomainId(2),
      vcpu: VcpuId(0),
      elements: [{ handle: { line, element }, address: GuestPhysical(0x6000), deviceAddress: 0 }],
    });
    const handleOf = (line: UnmapLine): unknown =>
      desugar(line, presets.small, handles).map((step) =>
        step.op === 'unmap' ? step.elements[0]?.handle : undefined,
      )[0];
    expect(handleOf(named(4, 0))).toBe(0);
    expect(handleOf(named(4, 1))).toBe(NO_HANDLE);
    expect(handleOf(named(3, 0))).toBe(NO_HANDLE);
  });
});
