import { describe, expect, test } from 'vitest';
import { DomainId, VcpuId } from '../abi/ids.js';
import { presets, type Machine } from '../abi/machine.js';
import type { Observer } from '../abi/observer.js';
import type { Program } from '../abi/program.js';
import { ours } from './our-subject.js';
import { run } from './run.js';
import type { MakeSubject } from './subject.js';
import { defaultBoot } from './walker.js';

const machine = presets.small;
const program = (on: Machine): Program => ({
  machine: on,
  boot: defaultBoot(on),
  lines: [{ op: 'set_version', caller: DomainId(1), vcpu: VcpuId(0), version: 2 }],
});

/** Our system, seen through an observer that throws where it is asked for one thing. */
const throwing =
  (method: keyof Observer): MakeSubject =>
  (on) => {
    const subject = ours(on);
    const { observer } = subject;
    if (observer === undefined) throw new Error('our system can be looked at');
    const broken = new Proxy(observer, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return name === method ? () => fail() : (value.bind(target) as unknown);
      },
    });
    return { ...subject, begin: () => undefined, observer: broken };
  };

function fail(): never {
  throw new TypeError('the observer is broken');
}

describe('whose throw it was', () => {
  test('a spec that throws is a harness error, not a crash of the system', () => {
    // Refs that are reserved have to be in the first frame, which the spec asserts.
    const impossible = { ...machine, refsPerFrame: 3, statusesPerFrame: 1, reservedRefs: 512 };
    expect(run(program(impossible), ours)).toMatchObject({ verdict: 'harness_error' });
  });

  test.each(['auditChanges', 'audit', 'view', 'wordOf'] as const)(
    'an observer that throws in %s is a crash of the system',
    (method) => {
      expect(run(program(machine), throwing(method))).toMatchObject({
        verdict: 'crash',
        path: 'thrown.TypeError',
        actual: 'the observer is broken',
      });
    },
  );
});
