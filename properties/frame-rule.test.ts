import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, GuestPhysical, Mfn, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { Changes, Observer } from '../abi/observer.js';
import type { Step } from '../abi/step.js';
import { ours } from './our-subject.js';
import { LockStep } from './lock-step.js';
import type { MakeSubject } from './subject.js';

const d1 = { caller: DomainId(1), vcpu: VcpuId(0) };
const create: Step = { op: 'create', domain: DomainId(1), config: presets.small.defaults };
const store: Step = {
  op: 'store',
  ...d1,
  address: GuestPhysical(0x3000),
  size: 8,
  value: { low: 7, high: 0 },
};
const empty: Step = { op: 'remove_from_physmap', ...d1, target: DomainId(1), gfn: Gfn(3) };

/** Our system, seen through an observer that lies once `lies` is set. */
function lying(lie: (honest: Observer) => Partial<Observer>): {
  readonly lockStep: LockStep;
  readonly lies: { on: boolean };
} {
  const lies = { on: false };
  const make: MakeSubject = (machine) => {
    const subject = ours(machine);
    const honest = subject.observer;
    if (honest === undefined) throw new Error('our system can be observed');
    const truth: Observer = {
      changes: () => honest.changes(),
      entryAt: (domain, gfn) => honest.entryAt(domain, gfn),
      hypervisorFramesOf: (domain) => honest.hypervisorFramesOf(domain),
      wordOf: (mfn, index) => honest.wordOf(mfn, index),
      auditChanges: () => honest.auditChanges(),
      audit: () => honest.audit(),
      view: () => honest.view(),
    };
    const liar = { ...truth, ...lie(truth) };
    const told = (): Observer => (lies.on ? liar : truth);
    const observer: Observer = {
      ...truth,
      changes: () => told().changes(),
      entryAt: (domain, gfn) => told().entryAt(domain, gfn),
      wordOf: (mfn, index) => told().wordOf(mfn, index),
    };
    return { ...subject, observer };
  };
  return { lockStep: new LockStep(presets.small, make), lies };
}

const nothing: Changes = {
  entryCount: 0,
  entryDomain: [],
  entryGfn: [],
  frameCount: 0,
  frame: [],
  from: [],
  to: [],
};

describe('the frame rule', () => {
  test('[E3] [E4] an honest system is believed', () => {
    const { lockStep } = lying(() => ({}));
    for (const step of [create, store, empty]) expect(lockStep.perform(step)).toBeUndefined();
    expect(lockStep.checkAll()).toBeUndefined();
  });

  test('[E4] bytes that the model changed and the system did not are found', () => {
    const { lockStep, lies } = lying(() => ({ changes: () => nothing, wordOf: () => 0 }));
    expect(lockStep.perform(create)).toBeUndefined();
    lies.on = true;
    expect(lockStep.perform(store)).toMatchObject({ claim: 'E4', path: 'frame.content' });
  });

  test('[E4] a byte written beside the place is found in the same step', () => {
    const { lockStep, lies } = lying((honest) => ({
      changes: () => {
        const changes = honest.changes();
        return { ...changes, from: [0], to: [16] };
      },
      wordOf: (mfn, index) => (index === 3 ? 0xbad : honest.wordOf(mfn, index)),
    }));
    expect(lockStep.perform(create)).toBeUndefined();
    lies.on = true;
    expect(lockStep.perform(store)).toMatchObject({
      verdict: 'violate',
      claim: 'E4',
      actual: expect.stringContaining('0x00000bad'),
    });
  });

  test('[E3] an entry that stays where the model has none is found', () => {
    const { lockStep, lies } = lying(() => ({
      entryAt: () => ({ type: 'ram_rw', mfn: Mfn(1) }),
    }));
    expect(lockStep.perform(create)).toBeUndefined();
    lies.on = true;
    expect(lockStep.perform(empty)).toMatchObject({ claim: 'E3', path: 'p2m.type' });
  });

  test('[E3] an entry written for no reason is found', () => {
    const { lockStep, lies } = lying((honest) => ({
      changes: () => ({
        ...honest.changes(),
        entryCount: 1,
        entryDomain: [DomainId(1)],
        entryGfn: [Gfn(0x55)],
      }),
      entryAt: () => ({ type: 'grant_map_rw', mfn: Mfn(1) }),
    }));
    expect(lockStep.perform(create)).toBeUndefined();
    lies.on = true;
    expect(lockStep.perform(store)).toMatchObject({
      claim: 'E3',
      expected: expect.stringContaining('gfn 0x55: nothing'),
    });
  });

  test('[E5] a page whose frame changes, or is another page’s, is found', () => {
    const { lockStep, lies } = lying((honest) => ({
      changes: () => ({
        ...honest.changes(),
        entryCount: 1,
        entryDomain: [DomainId(1)],
        entryGfn: [Gfn(3)],
      }),
      entryAt: (domain) => honest.entryAt(domain, Gfn(4)),
    }));
    expect(lockStep.perform(create)).toBeUndefined();
    lies.on = true;
    expect(lockStep.perform(store)).toMatchObject({ claim: 'E5', path: 'page.frame' });
  });
});
