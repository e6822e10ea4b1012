import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALL_ONES, DomainId, Gfn, GrantRef, GuestPhysical, Handle, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { FromLine, Line } from '../abi/program.js';
import { parseTrace } from './parse.js';
import { printTrace } from './print.js';
import type { Trace } from './trace.js';

/** Objects as the parser makes them; fast-check's own may lack a prototype. */
const plain = <Value extends object>(model: {
  [Key in keyof Value]: fc.Arbitrary<Value[Key]>;
}): fc.Arbitrary<Value> => fc.record<Value>(model, { noNullPrototype: true });

const op = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name);
const u16 = fc.nat({ max: 0xffff });
const u32 = fc.oneof(fc.constantFrom(0, 1, 3, 0xffff_ffff), fc.nat({ max: 2 ** 32 - 1 }));
const u64 = fc.oneof(fc.constantFrom(0, 1, 2 ** 53, ALL_ONES), fc.maxSafeNat());
const domain = u16.map(DomainId);
const address = u64.map(GuestPhysical);
const by = { caller: domain, vcpu: u16.map(VcpuId) };

/** What the first line of the program made. */
const name: fc.Arbitrary<FromLine> = plain({ line: fc.constant(0), element: u32 });
const handle = fc.oneof(u32.map(Handle), name);

const calls: readonly fc.Arbitrary<Line>[] = [
  plain({
    op: op('transfer'),
    ...by,
    elements: fc.array(plain({ gfn: u64.map(Gfn), target: domain, ref: u32.map(GrantRef) })),
  }),
  plain({
    op: op('write_back'),
    ...by,
    elements: fc.array(
      plain({ deviceAddress: fc.oneof(u64, name), offset: u16, length: u16, flags: u32 }),
    ),
  }),
  plain({
    op: op('unmap_and_replace'),
    ...by,
    elements: fc.array(plain({ handle, address, newAddress: address })),
  }),
  plain({ op: op('get_status_frames'), ...by, target: domain, frames: u32, count: u32 }),
];

const first: Line = { op: 'map', caller: DomainId(0), vcpu: VcpuId(0), elements: [] };
const trace: fc.Arbitrary<Trace> = fc.array(fc.oneof(...calls), { maxLength: 6 }).map((lines) => ({
  story: { text: [] },
  program: { machine: presets.whole, boot: [], lines: [first, ...lines] },
  expectations: [undefined, ...lines.map(() => undefined)],
}));

test('grant operations of the control domain read back are those that were printed', () => {
  fc.assert(
    fc.property(trace, (each) => {
      expect(parseTrace(printTrace(each), 'a.trace')).toStrictEqual(each);
    }),
    { numRuns: 500 },
  );
});
