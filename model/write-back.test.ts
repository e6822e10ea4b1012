import { describe, expect, test } from 'vitest';
import {
  CONTROL,
  DomainId,
  Gfn,
  GrantRef,
  GuestPhysical,
  Handle,
  Mfn,
  VcpuId,
} from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Step } from '../abi/step.js';
import { isObjection, step as spec, type State } from './model.js';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const flushes: Scenarios = {
  '[G21] [H5] pages of its own, up to their last byte': `
    machine whole domains=1 vcpus=1
    0  d0  write_back  dev=0x0 bytes=4096 flags=clean ; dev=0x1000 offset=0xfff bytes=1 flags=clean+inval  ok
    1  d0  write_back  dev=0x54000 bytes=8 flags=clean  ok
    2  d0  write_back  none                             ok`,
  '[G21] nothing is looked at where nothing is to be done': `
    machine whole domains=1 vcpus=1
    0  d0  write_back  dev=~0 bytes=0 flags=clean  ok
    1  d0  write_back  dev=~0 bytes=8 flags=0x0    ok`,
  '[G21.1] a range within a page is written back, and with what is known': `
    machine whole domains=1 vcpus=1
    0  d0  write_back  dev=0x1000 offset=0x1000 bytes=0 flags=clean  -EINVAL
    1  d0  write_back  dev=0x1000 offset=0xfff bytes=2 flags=clean   -EINVAL
    2  d0  write_back  dev=0x1000 bytes=4097 flags=0x0               -EINVAL
    3  d0  write_back  dev=0x1000 bytes=8 flags=clean+0x80000000     -EINVAL
    4  d0  write_back  dev=0x1000 bytes=0 flags=0x4                  -EINVAL`,
  '[G21.2] no machine has such a frame': `
    machine whole domains=1 vcpus=1
    0  d0  write_back  dev=0x10000000000000 bytes=8 flags=clean  -EINVAL`,
  '[G21.5] what is not written back cannot be forgotten, and the call ends there': `
    machine whole domains=1 vcpus=1
    0  d0  write_back  dev=0x1000 bytes=8 flags=inval ; dev=0x1000 bytes=4097 flags=clean  -EOPNOTSUPP`,
  '[G11] neither is there for a guest': `
    0  d1  transfer     0x0 -> d2/8                    -ENOSYS
    1  d1  write_back   dev=0x0 bytes=8 flags=clean  -ENOSYS`,
};

describe('pages that are written back', () => {
  test.each(Object.entries(flushes))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});

/** d1 grants its page 0x3 by ref 8, and its page 0x4 is in a window, so that it stays when it dies. */
const { state: granted } = play(`
    machine whole domains=1 vcpus=1
    0  d1    grant        ref=8 to=d0 gfn=0x3 rw  ok
    1  tool  map_foreign  w3 d1:0x4 ro            ok`);

const by = { caller: CONTROL, vcpu: VcpuId(0) };
const destroyed: Step = { op: 'destroy', domain: DomainId(1) };
const inspect = (gfn: number): Step => ({
  op: 'inspect_gfn',
  domain: DomainId(1),
  gfn: Gfn(gfn),
});
const seenAs = (frame: number): Reply => ({
  is: 'inspected',
  memoryType: 'ram_rw',
  first: { low: 0, high: 0 },
  frame: Mfn(frame),
});
const flush = (frame: number): Step => ({
  op: 'write_back',
  ...by,
  elements: [{ deviceAddress: frame * 4096, offset: 0, length: 8, flags: 1 }],
});
const map: Step = {
  op: 'map',
  ...by,
  elements: [
    {
      granter: DomainId(1),
      ref: GrantRef(8),
      address: GuestPhysical(0x80_2000),
      flags: 2,
    },
  ],
};
const unmap: Step = {
  op: 'unmap',
  ...by,
  elements: [{ handle: Handle(1), address: GuestPhysical(0x80_2000), deviceAddress: 0 }],
};

/** What is left of a state when a step is answered so. */
function after(state: State, step: Step, reply: Reply): State {
  const [alternative] = spec(state, step);
  const next = alternative?.next(reply);
  if (next === undefined || isObjection(next)) throw new Error('the reply is not allowed');
  return next;
}
const outcomesOf = (state: State, step: Step): readonly unknown[] =>
  [...spec(state, step)].map(({ reply, rules }) => [
    reply.is === 'rc' ? reply.rc : reply,
    ...rules,
  ]);

const mapped = after(granted, map, {
  is: 'statuses',
  elements: [{ status: 'okay', handle: Handle(1), frame: Mfn(50) }],
});

describe('pages of others that are written back', () => {
  test('[G21] [G15] a page is named by the frame that its mapping was seen to be', () => {
    expect(outcomesOf(mapped, flush(50))).toEqual([[0, 'G21']]);
  });

  test('[G21.4] a page is the caller’s to name for as long as a grant of it is mapped', () => {
    const unmapped = after(mapped, unmap, { is: 'statuses', elements: [{ status: 'okay' }] });
    expect(outcomesOf(unmapped, flush(50))).toEqual([['-EINVAL', 'G21.4']]);
    const foreign = after(granted, inspect(0x4), seenAs(51));
    expect(outcomesOf(foreign, flush(51))).toEqual([['-EINVAL', 'G21.4']]);
  });

  test('[G21.3] a frame of the hypervisor’s is nobody’s when its domain is dying', () => {
    const seen = after(granted, inspect(0x20), seenAs(52));
    expect(outcomesOf(seen, flush(52))).toEqual([['-EINVAL', 'G21.4']]);
    const dying = after(seen, destroyed, { is: 'rc', rc: 0 });
    expect(outcomesOf(dying, flush(52))).toEqual([['-EPERM', 'G21.3']]);
  });

  test('[G15] [G21.3] [G21.4] a frame that nobody has seen is anybody’s or nobody’s', () => {
    expect(outcomesOf(granted, flush(53))).toEqual([
      ['-EPERM', 'G21.3'],
      ['-EINVAL', 'G21.4'],
    ]);
  });
});
