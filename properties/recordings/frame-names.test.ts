import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, GrantRef, GuestPhysical, Handle, Mfn, VcpuId } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { FrameNames } from './frame-names.js';

const inspect = (domain: number, gfn: number): Step => ({
  op: 'inspect_gfn',
  domain: DomainId(domain),
  gfn: Gfn(gfn),
});
const shows = (frame: number): Reply => ({
  is: 'inspected',
  memoryType: 'ram_rw',
  frame: Mfn(frame),
  first: { low: 0, high: 0 },
});
const mapsAt = (caller: number, gfn: number): Step => ({
  op: 'map',
  caller: DomainId(caller),
  vcpu: VcpuId(0),
  elements: [
    {
      granter: DomainId(1),
      ref: GrantRef(8),
      address: GuestPhysical(gfn * 4096 + 5),
      flags: 2,
    },
  ],
});
const mapped = (frame: number): Reply => ({
  is: 'statuses',
  elements: [{ status: 'okay', handle: Handle(0), frame: Mfn(frame) }],
});
const reservation = (op: 'populate_physmap' | 'decrease_reservation', gfn: number): Step => ({
  op,
  caller: DomainId(1),
  vcpu: VcpuId(0),
  target: DomainId(0x7ff0),
  extents: [Gfn(gfn)],
  order: 1,
});

describe('machine frames held against recorded names', () => {
  test('agree under any renaming that is one to one', () => {
    const names = new FrameNames();
    expect(names.observe(inspect(1, 4), shows(0), shows(900))).toEqual([]);
    expect(names.observe(inspect(1, 5), shows(1), shows(7))).toEqual([]);
    expect(names.observe(mapsAt(2, 9), mapped(0), mapped(900))).toEqual([]);
  });

  test('disagree where one recorded frame is two', () => {
    const names = new FrameNames();
    names.observe(inspect(1, 4), shows(0), shows(900));
    expect(names.observe(mapsAt(2, 9), mapped(0), mapped(901))).toEqual([
      'F0 is frame 900 elsewhere, and 901 at gfn 9 of d2',
    ]);
  });

  test('disagree where two recorded frames are one', () => {
    const names = new FrameNames();
    names.observe(inspect(1, 4), shows(0), shows(900));
    expect(names.observe(inspect(2, 4), shows(1), shows(900))).toEqual([
      'frame 900 is F0 elsewhere, and F1 at gfn 4 of d2',
    ]);
  });

  test('may be given out again under an old name once no gfn shows them', () => {
    const names = new FrameNames();
    names.observe(inspect(1, 5), shows(0), shows(900));
    names.pass(reservation('decrease_reservation', 4));
    names.pass(reservation('populate_physmap', 4));
    expect(names.observe(inspect(1, 5), shows(0), shows(3))).toEqual([]);
  });

  test('are remembered while another gfn shows them', () => {
    const names = new FrameNames();
    names.observe(inspect(1, 5), shows(0), shows(900));
    names.observe(mapsAt(2, 9), mapped(0), mapped(900));
    names.pass(reservation('decrease_reservation', 4));
    expect(names.observe(inspect(1, 5), shows(0), shows(3))).toHaveLength(1);
  });

  test('die with their domain', () => {
    const names = new FrameNames();
    names.observe(inspect(1, 5), shows(0), shows(900));
    names.observe(inspect(1, 6), shows(1), shows(901));
    names.pass({ op: 'destroy', domain: DomainId(1) });
    expect(names.observe(inspect(2, 5), shows(1), shows(900))).toEqual([]);
  });
});
