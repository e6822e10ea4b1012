import { describe, expect, test } from 'vitest';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { courseOf, type Registers } from './course.js';
import type { WalkOperation } from './recorded-case.js';

const registers: Registers = { cr0: 0x8000_0011, cr4: 0xa0, efer: 0x800 };

/** Follows an operation through replies, up to its answer. */
function followed(
  operation: WalkOperation,
  ...replies: readonly Reply[]
): { steps: Step[]; answer: string; registers: Registers } {
  let course = courseOf(operation, registers);
  const steps: Step[] = [];
  for (const reply of replies) {
    if ('answer' in course) throw new Error('a reply too many');
    steps.push(course.step);
    course = course.next(reply);
  }
  if (!('answer' in course)) throw new Error('a reply too few');
  return { steps, ...course };
}

const linear = { low: 0x1000, high: 0 };
const value = (low: number, high = 0): Reply => ({ is: 'value', value: { low, high } });
const word = (low: number): { low: number; high: number } => ({ low, high: 0 });

describe('a recorded operation in steps', () => {
  test('an exec is a fetch of five bytes, and answers the constant in them', () => {
    const exec = { op: 'exec', linear, size: 5, as: 'user' } as const;
    const { steps, answer } = followed(exec, value(0x000f_00b8, 0x01));
    expect(steps).toMatchObject([{ op: 'fetch_linear', size: 5, as: 'user' }]);
    expect(answer).toBe('executed 0x1000f00');
    expect(followed(exec, value(0xcccc_cccc, 0xcc)).answer).toBe('found the bytes 0xcccccccccc');
  });

  test('a read-modify-write is one access, and answers nothing', () => {
    const rmw = { op: 'rmw', linear, size: 2, as: 'kernel', value: word(0x12345) } as const;
    const { steps, answer } = followed(rmw, value(7));
    expect(steps).toMatchObject([{ op: 'xadd_linear', size: 2, value: word(0x2345) }]);
    expect(answer).toBe('ok');
  });

  test('a compare-exchange swapped where the old value is the expected one', () => {
    const cmpxchg = {
      op: 'cmpxchg',
      linear,
      size: 1,
      as: 'kernel',
      expected: word(0x107),
      value: word(9),
    } as const;
    expect(followed(cmpxchg, value(7)).answer).toBe('swapped 0x7');
    expect(followed(cmpxchg, value(8)).answer).toBe('not swapped 0x8');
  });

  test('a descriptor is read, and its accessed bit written where it is clear', () => {
    const desc = { op: 'desc', linear, size: 8, as: 'implicit' } as const;
    const set = followed(desc, value(0xffff, 0x00cf_f300));
    expect([set.steps.length, set.answer]).toEqual([1, 'ok']);
    const clear = followed(desc, value(0xffff, 0x00cf_f200), { is: 'stored' });
    expect(clear.steps[1]).toMatchObject({
      op: 'store_linear',
      linear: word(0x1004),
      size: 4,
      as: 'implicit',
      value: word(0x00cf_f300),
    });
    const fault = { is: 'page_fault', code: 3, linear: word(0x1004) } as const;
    expect(followed(desc, value(0, 0), fault).answer).toBe('#PF 0x3 at 0x1004');
    expect(followed(desc, fault).answer).toBe('#PF 0x3 at 0x1004');
  });

  test('a register is as asked for unless that faulted', () => {
    const cr4 = { op: 'cr4', set: 0x10, clear: 0x80 } as const;
    const done = followed(cr4, { is: 'done' });
    expect(done.steps).toMatchObject([{ op: 'cr4', value: 0x30 }]);
    expect(done.registers).toEqual({ ...registers, cr4: 0x30 });
    const refused = followed(cr4, { is: 'fault', vector: '#GP' });
    expect([refused.answer, refused.registers]).toEqual(['#GP', registers]);
  });

  test('what no processor answers is told as it is', () => {
    const read = { op: 'read', linear, size: 4, as: 'kernel' } as const;
    expect(followed(read, { is: 'crashed' }).answer).toBe('{"is":"crashed"}');
  });
});
