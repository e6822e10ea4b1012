import { describe, expect, test } from 'vitest';
import { Mfn } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import type { Machine } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import type { Options } from '../options.js';
import { Guests } from '../testing/guests.js';
import { TablePrograms } from '../testing/table-programs.js';

/*
 * The same random program runs on two hypervisors that a guest cannot tell apart, step by step, with
 * all audits: nested paging, where hardware reads the guest's tables themselves, and shadows.
 */

const cpu = { addressBits: 40, gibPages: false, pse36: false, protectionKeys: false };
const shadowed: Machine = { ...presets.paged, cpu };
const nested: Machine = { ...shadowed, paging: 'hap' };
const noOptions: Partial<Options> = {
  p2mCache: false,
  tlb: false,
  outOfSync: false,
  reverseMap: false,
  splinterCache: false,
  prefetch: false,
};
const LINES = Number(process.env['LINES'] ?? 150);
const FIRST_SEED = Number(process.env['SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 2);

const STRIDE = Number(process.env['STRIDE'] ?? 3);
const STEPS_TOLD = 12;

interface Side {
  readonly machine: Machine;
  readonly options: Partial<Options>;
}

function run(
  one: Side | undefined,
  other: Side,
  seed: number,
  isPortable: boolean,
  flushesFirst: boolean,
) {
  const first = one === undefined ? undefined : new Guests(one);
  const second = new Guests(other);
  const program = new TablePrograms({ seed, isPortable, flushesFirst });
  const trace: Step[] = [];
  for (let line = 0; line < LINES; line += 1) {
    for (const step of program.next()) {
      trace.push(step);
      let replies;
      try {
        const reply = second.step(step);
        replies = [first === undefined ? reply : first.step(step), reply];
      } catch (error) {
        throw new Error(`${String(error)} at ${told(trace, seed, line)}`, { cause: error });
      }
      const [wanted, found] = replies.map((reply) => JSON.stringify(reply));
      if (wanted !== found) {
        throw new Error(`${wanted} and ${found} at ${told(trace, seed, line)}`);
      }
      const reply = replies[0];
      if (second.hasCrashed()) {
        program.forgetMappings();
        first?.recreateAll();
        second.recreateAll();
      }
      if (step.op === 'map' && reply?.is === 'statuses') {
        const element = reply.elements[0];
        const address = step.elements[0]?.address ?? 0;
        if (element?.handle !== undefined) {
          program.noteMapping(step.caller, element.handle, address / 4096);
        }
      }
    }
    if (line % STRIDE > 0) continue;
    const found = second.observer.audit();
    const difference = first === undefined ? undefined : differingFrame(first, second);
    if (found.length > 0 || difference !== undefined) {
      throw new Error(`${JSON.stringify(found)} ${difference ?? ''} at ${told(trace, seed, line)}`);
    }
  }
  return second.hypervisor.counters();
}

function told(trace: readonly Step[], seed: number, line: number): string {
  const last = trace.slice(-STEPS_TOLD).map((step) => JSON.stringify(step));
  return `seed ${seed} line ${line}: ${last.join('\n')}`;
}

function differingFrame(first: Guests, second: Guests): string | undefined {
  const [one, other] = [first.hypervisor.host, second.hypervisor.host];
  for (let frame = 0; frame < shadowed.guestFrames; frame += 1) {
    const mfn = Mfn(frame);
    for (let word = 0; word < 1024; word += 1) {
      const [a, b] = [one.ram.tableWord(mfn, word), other.ram.tableWord(mfn, word)];
      if (a !== b) return `frame ${frame} word ${word}: ${a.toString(16)} and ${b.toString(16)}`;
    }
  }
  return undefined;
}

const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index);
const fresh = { machine: nested, options: { tlb: false } };
const plain = { ...noOptions, reverseMap: true, splinterCache: true };
const cramped: Machine = { ...shadowed, shadowFrames: 14 };

describe.each(seeds)('seed %i', (seed) => {
  test('in sync, without a TLB: every answer is a fresh walk [S6, S7]', () => {
    const counters = run(fresh, { machine: shadowed, options: plain }, seed, true, false);
    expect(counters.fills).toBeGreaterThan(0);
  });

  test('everything on, INVLPG before each access [S16, T7]', () => {
    const counters = run(fresh, { machine: shadowed, options: {} }, seed, true, true);
    expect(counters.fills).toBeGreaterThan(0);
  });

  test('the same in a pool that is hardly enough [S1]', () => {
    const counters = run(fresh, { machine: cramped, options: {} }, seed, true, true);
    expect(counters.poolUnpinned).toBeGreaterThan(0);
  });

  test('everything on and everything off agree, whatever happens [S7, S9]', () => {
    const off = { machine: shadowed, options: noOptions };
    const counters = run(off, { machine: shadowed, options: {} }, seed, false, true);
    expect(counters.fills).toBeGreaterThan(0);
  });

  test('without flushes, every claim about the shadows holds [S16, S17, T4]', () => {
    const counters = run(undefined, { machine: shadowed, options: {} }, seed, false, false);
    expect(counters.linearAccesses).toBeGreaterThan(0);
  });
});
