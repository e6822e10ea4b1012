import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, GrantRef, GuestPhysical, Handle, Mfn, VcpuId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { MapGrant, Step } from '../abi/step.js';
import type { Alternative } from './outcome.js';
import { isObjection, step as spec, type State } from './model.js';
import { play } from './testing/scenario.js';

/** d1 grants its page 0x1 by ref 3 and its page 0x2 by ref 4 to d2. */
const { state: granted } = play(`
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d1  grant  ref=4 to=d2 gfn=0x2 rw  ok`);

const mapOf = (...elements: readonly (readonly [ref: number, gfn: number])[]): MapGrant => ({
  op: 'map',
  caller: DomainId(2),
  vcpu: VcpuId(0),
  elements: elements.map(([ref, gfn]) => ({
    granter: DomainId(1),
    ref: GrantRef(ref),
    address: GuestPhysical(gfn * 4096),
    flags: 0x2,
  })),
});

const okay = (...chosen: readonly (readonly [handle: number, frame: number])[]): Reply => ({
  is: 'statuses',
  elements: chosen.map(([handle, frame]) => ({
    status: 'okay',
    handle: Handle(handle),
    frame: Mfn(frame),
  })),
});

function onlyOutcome(state: State, step: Step): Alternative {
  const [alternative, ...others] = spec(state, step);
  expect(others).toEqual([]);
  if (alternative === undefined) throw new Error('the spec answers with nothing');
  return alternative;
}

/** What is left of the state when a step is answered so. */
function after(state: State, step: Step, reply: Reply): State {
  const next = onlyOutcome(state, step).next(reply);
  if (isObjection(next)) throw new Error(next.objection);
  return next;
}

describe('[G15] handles and machine frames are the hypervisor’s choice', () => {
  test('[G15] the spec names neither handle nor frame of a mapping', () => {
    const { reply, rules } = onlyOutcome(granted, mapOf([3, 0x30]));
    expect(reply).toEqual({ is: 'statuses', elements: [{ status: 'okay' }] });
    expect(rules).toEqual(['G1']);
  });

  test('[G15] any handle of the maptrack will do, and names the mapping', () => {
    const mapped = after(granted, mapOf([3, 0x30]), okay([15, 77]));
    const unmap = { handle: Handle(15), address: GuestPhysical(0x30000), deviceAddress: 0 };
    const step: Step = { op: 'unmap', caller: DomainId(2), vcpu: VcpuId(0), elements: [unmap] };
    expect(onlyOutcome(mapped, step).rules).toEqual(['G2']);
  });

  test('[G15] a handle beyond the maptrack is objected to', () => {
    const next = onlyOutcome(granted, mapOf([3, 0x30])).next(okay([16, 77]));
    expect(next).toHaveProperty('objection');
  });

  test('[G15] a handle in use is objected to, in a batch too', () => {
    const mapped = after(granted, mapOf([3, 0x30]), okay([1, 77]));
    expect(onlyOutcome(mapped, mapOf([4, 0x31])).next(okay([1, 78]))).toHaveProperty('objection');
    const both = onlyOutcome(granted, mapOf([3, 0x30], [4, 0x31]));
    expect(both.next(okay([1, 77], [1, 78]))).toHaveProperty('objection');
    expect(both.next(okay([1, 77], [0, 78]))).not.toHaveProperty('objection');
  });

  test('[G15] a mapping without a handle is objected to', () => {
    const reply: Reply = { is: 'statuses', elements: [{ status: 'okay' }] };
    expect(onlyOutcome(granted, mapOf([3, 0x30])).next(reply)).toHaveProperty('objection');
  });

  test('[G15] a page keeps the frame that it was seen to be', () => {
    const mapped = after(granted, mapOf([3, 0x30]), okay([1, 77]));
    const again = onlyOutcome(mapped, mapOf([3, 0x31]));
    expect(again.next(okay([2, 78]))).toHaveProperty('objection');
    expect(again.next(okay([2, 77]))).not.toHaveProperty('objection');
  });

  test('[G15] no frame is two living pages', () => {
    const mapped = after(granted, mapOf([3, 0x30]), okay([1, 77]));
    const other = onlyOutcome(mapped, mapOf([4, 0x31]));
    expect(other.next(okay([2, 77]))).toHaveProperty('objection');
    expect(other.next(okay([2, 78]))).not.toHaveProperty('objection');
  });

  test('[G15] [D7] the frame that the toolstack sees is the frame that a mapper sees', () => {
    const mapped = after(granted, mapOf([3, 0x30]), okay([1, 77]));
    const step: Step = { op: 'inspect_gfn', domain: DomainId(1), gfn: Gfn(0x1) };
    const seen = (frame: number): Reply => ({
      is: 'inspected',
      memoryType: 'ram_rw',
      first: { low: 0, high: 0 },
      frame: Mfn(frame),
    });
    expect(onlyOutcome(mapped, step).next(seen(78))).toHaveProperty('objection');
    expect(onlyOutcome(mapped, step).next(seen(77))).not.toHaveProperty('objection');
  });

  test('[G15] a step changes no state but the one it answers', () => {
    after(granted, mapOf([3, 0x30]), okay([1, 77]));
    after(granted, mapOf([3, 0x30]), okay([2, 78]));
    expect(onlyOutcome(granted, mapOf([3, 0x30])).rules).toEqual(['G1']);
  });
});
