import fc from 'fast-check';
import { DOMID_SELF, DomainId, Gfn, GrantRef, GuestPhysical, Handle, VcpuId } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { Line } from '../abi/program.js';
import { PAGE_BYTES } from '../abi/word.js';

/** The arguments of lines as fast-check's arbitraries, small enough to meet each other. */

const ref = fc.nat(7).map(GrantRef);
const gfn = fc.oneof(fc.nat(11), fc.integer({ min: 0x40, max: 0x43 })).map(Gfn);
const address = fc
  .tuple(gfn, fc.nat(511))
  .map(([page, word]) => GuestPhysical(page * PAGE_BYTES + word * 8));
const value = fc.record({ low: fc.nat(0xffff), high: fc.nat(0xffff) });
const self = fc.constant(DOMID_SELF);
const size = fc.constant(8);
const order = fc.constant(0);
const extents = fc.array(gfn, { minLength: 1, maxLength: 3 });

const elements = <Element>(element: fc.Arbitrary<Element>): fc.Arbitrary<Element[]> =>
  fc.array(element, { minLength: 1, maxLength: 2 });

/** Lines of ten kinds, in about the proportions of a walk. */
export function lineOf(machine: Machine): fc.Arbitrary<Line> {
  const domain = fc.integer({ min: 1, max: machine.domains }).map(DomainId);
  const by = { caller: domain, vcpu: fc.constant(VcpuId(0)) };
  const is = <Op extends Line['op']>(op: Op): { op: fc.Arbitrary<Op> } & typeof by => ({
    op: fc.constant(op),
    ...by,
  });
  const kind = (weight: number, arbitrary: fc.Arbitrary<Line>): fc.WeightedArbitrary<Line> => ({
    weight,
    arbitrary,
  });
  const unmap = fc.record({
    handle: fc.nat(7).map(Handle),
    address,
    deviceAddress: fc.constant(0),
  });
  const map = fc.record({ granter: domain, ref, address, flags: fc.constantFrom(2, 6) });
  const space = { space: fc.nat(3), index: fc.nat(11), size: fc.constant(1) };
  return fc.oneof(
    kind(15, fc.record({ ...is('grant'), ...entryOf(machine, domain) })),
    kind(21, fc.record({ ...is('map'), elements: elements(map) })),
    kind(6, fc.record({ ...is('unmap'), elements: elements(unmap) })),
    kind(9, fc.record({ ...is('copy'), elements: elements(copyOf(domain)) })),
    kind(8, fc.record({ ...is('load'), address, size })),
    kind(12, fc.record({ ...is('store'), address, size, value })),
    kind(4, fc.record({ ...is('populate_physmap'), target: self, extents, order })),
    kind(4, fc.record({ ...is('decrease_reservation'), target: self, extents, order })),
    kind(4, fc.record({ ...is('add_to_physmap'), target: self, gfn, ...space })),
    kind(2, fc.record({ ...is('set_version'), version: fc.nat(3) })),
  );
}

const entryOf = (machine: Machine, domain: fc.Arbitrary<DomainId>) => ({
  ref,
  to: domain,
  frame: gfn,
  table: fc.constant(Gfn(machine.defaults.tableGfn ?? 0)),
  version: fc.constantFrom(1 as const, 2 as const),
  flags: fc.constantFrom(0, 1, 1, 1, 5),
  detail: fc.constant({ is: 'none' as const }),
});

const copyOf = (domain: fc.Arbitrary<DomainId>) => {
  const side = fc.record({
    domain: fc.oneof(domain, fc.constant(DOMID_SELF)),
    at: fc.nat(11),
    offset: fc.nat(64),
  });
  return fc.record({ source: side, dest: side, length: fc.nat(64), flags: fc.nat(3) });
};
