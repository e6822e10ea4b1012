import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CR0_KNOWN, PTE_NX_HIGH } from '../abi/control.js';
import { DomainId, Gfn, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { Line, PteLine } from '../abi/program.js';
import { accessors } from '../abi/step.js';
import { parseTrace } from './parse.js';
import { printTrace } from './print.js';
import type { Trace } from './trace.js';

/** Objects as the parser makes them; fast-check's own may lack a prototype. */
const plain = <Value extends object>(model: {
  [Key in keyof Value]: fc.Arbitrary<Value[Key]>;
}): fc.Arbitrary<Value> => fc.record<Value>(model, { noNullPrototype: true });

const op = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name);
const u16 = fc.nat({ max: 0xffff });
const u32 = fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.nat({ max: 2 ** 32 - 1 }));
const word = plain({ low: u32, high: fc.oneof(fc.constant(0), u32) });
const size = fc.integer({ min: 1, max: 8 });
const domain = u16.map(DomainId);
const gfn = fc.maxSafeNat().map(Gfn);
const by = { caller: domain, vcpu: u16.map(VcpuId) };

const linear = { linear: word, size, as: fc.constantFrom(...accessors) };
const pte: fc.Arbitrary<PteLine> = fc.constantFrom(4 as const, 8 as const).chain((width) =>
  plain({
    op: op('pte'),
    ...by,
    table: gfn,
    index: fc.nat({ max: 4096 / width - 1 }),
    width: fc.constant(width),
    flags: fc.nat({ max: 0xfff }),
    frame: fc
      .oneof(
        fc.nat(),
        fc.maxSafeNat().map((n) => n % 2 ** 40),
      )
      .map(Gfn),
    high: fc.oneof(fc.constantFrom(0, PTE_NX_HIGH), u32),
  }),
);
/** Some of its bits, so that all are known by name now and then. */
const register = (known: number): fc.Arbitrary<number> =>
  fc.oneof(
    u32,
    u32.map((bits) => (bits & known) >>> 0),
  );

const paging: readonly fc.Arbitrary<Line>[] = [
  plain({ op: fc.constantFrom('load_linear', 'fetch_linear'), ...by, ...linear }),
  plain({ op: fc.constantFrom('store_linear', 'xadd_linear'), ...by, ...linear, value: word }),
  plain({ op: op('cmpxchg_linear'), ...by, ...linear, expected: word, value: word }),
  plain({ op: op('cr0'), ...by, value: register(CR0_KNOWN) }),
  plain({ op: op('cr4'), ...by, value: register(0x70_00b0) }),
  plain({ op: op('efer'), ...by, value: register(0xd01) }),
  plain({ op: op('pkru'), ...by, value: u32 }),
  plain({ op: op('cr3'), ...by, value: word }),
  plain({ op: op('invlpg'), ...by, linear: word }),
  pte,
  plain({ op: op('interrupt'), ...by, after: u32 }),
  plain({ op: op('resume'), ...by }),
  plain({
    op: op('log_dirty'),
    domain,
    action: fc.constantFrom('enable', 'disable', 'peek', 'clean'),
  }),
];

const answers = fc.constantFrom(undefined, 'done', '#PF P+W va=0x10', '0x1 | 0x2', 'only 0x1');

const trace: fc.Arbitrary<Trace> = fc
  .array(fc.tuple(fc.oneof(...paging), answers), { maxLength: 6 })
  .map((rows) => ({
    story: { text: [] },
    program: { machine: presets.paged, boot: [], lines: rows.map(([line]) => line) },
    expectations: rows.map(([, each]) => each),
  }));

test('a trace of paging read back is the trace that was printed', () => {
  fc.assert(
    fc.property(trace, (each) => {
      expect(parseTrace(printTrace(each), 'a.trace')).toStrictEqual(each);
    }),
    { numRuns: 1000 },
  );
});
