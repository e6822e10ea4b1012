import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../abi/grant-table.js';
import {
  ALL_ONES,
  DOMID_SELF,
  DomainId,
  Gfn,
  GrantRef,
  GuestPhysical,
  Handle,
  VcpuId,
} from '../abi/ids.js';
import { presets, type DomainConfig, type Machine } from '../abi/machine.js';
import type { GrantLine, Line, UnmapLineElement } from '../abi/program.js';
import { fallible, refusedGrantCalls, type CopyElement } from '../abi/step.js';
import { parseTrace } from './parse.js';
import { printTrace } from './print.js';
import { storyFields, type Story, type StoryField, type Trace } from './trace.js';

/** Objects as the parser makes them; fast-check's own may lack a prototype. */
const plain = <Value extends object>(model: {
  [Key in keyof Value]: fc.Arbitrary<Value[Key]>;
}): fc.Arbitrary<Value> => fc.record<Value>(model, { noNullPrototype: true });

const u16 = fc.oneof(
  fc.constantFrom(0, 1, 2, 6, 0x7ff4, 0xffff),
  fc.integer({ max: 0xffff, min: 0 }),
);
const u32 = fc.oneof(
  fc.constantFrom(0, 1, 2, 6, 0xffff_ffff),
  fc.integer({ max: 2 ** 32 - 1, min: 0 }),
);
const u64 = fc.oneof(
  fc.constantFrom(0, 1, 0x8000_0000, 2 ** 53, ALL_ONES),
  fc.nat(),
  fc.maxSafeNat(),
);
const domain = fc.oneof(fc.constant(DOMID_SELF), fc.nat({ max: 4 }), u16).map(DomainId);
const ref = u32.map(GrantRef);
const gfn = u64.map(Gfn);
const gfns = fc.array(gfn, { maxLength: 4 });
const address = fc
  .oneof(
    u64,
    fc.nat({ max: 99 }).map((page) => page * 4096),
  )
  .map(GuestPhysical);
const word = plain({ low: u32, high: fc.oneof(fc.constant(0), u32) });
const size = fc.integer({ min: 1, max: 8 });
const by = {
  caller: u16.map(DomainId),
  vcpu: fc.oneof(fc.constant(0), u16).map(VcpuId),
};
const op = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name);
const batch = <Element>(element: fc.Arbitrary<Element>): fc.Arbitrary<Element[]> =>
  fc.array(element, { maxLength: 3 });

const config: fc.Arbitrary<DomainConfig> = plain({
  ram: fc.array(plain({ gfn, count: u32 }), { maxLength: 3 }),
  maximumPages: fc.oneof(fc.constantFrom(3, 14), fc.maxSafeNat()),
  grantFrames: fc.oneof(fc.constantFrom(-1, 1, 3), u32),
  maptrackFrames: fc.oneof(fc.constantFrom(-1, 1, 2), u32),
  grantVersion: fc.oneof(fc.constant(2), u32),
  tableGfn: fc.option(gfn, { nil: undefined }),
});

const copySide = plain({ domain, at: u32, offset: u16 });
const copyElement: fc.Arbitrary<CopyElement> = plain({
  source: copySide,
  dest: copySide,
  length: u16,
  flags: u16,
  far: u64,
}).map(({ far, ...element }) => ({
  ...element,
  source:
    (element.flags & GNTCOPY_source_gref) === 0 ? { ...element.source, at: far } : element.source,
  dest: (element.flags & GNTCOPY_dest_gref) === 0 ? { ...element.dest, at: far } : element.dest,
}));

/** A name may look back only, which `lookingBack` sees to. */
const unmapElement: fc.Arbitrary<UnmapLineElement> = plain({
  handle: fc.oneof(
    u32.map(Handle),
    plain({ line: fc.nat(), element: fc.oneof(fc.constant(0), u32) }),
  ),
  address,
  deviceAddress: u64,
});

const detail: fc.Arbitrary<GrantLine['detail']> = fc.oneof(
  fc.constant({ is: 'none' } as const),
  plain({ is: op('sub_page'), offset: u16, length: u16 }),
  plain({ is: op('transitive'), domain, ref }),
);

const call = { ...by, target: domain };
const grantCalls: readonly fc.Arbitrary<Line>[] = [
  plain({
    op: op('map'),
    ...by,
    elements: batch(plain({ granter: domain, ref, address, flags: u32 })),
  }),
  plain({ op: op('unmap'), ...by, elements: batch(unmapElement) }),
  plain({ op: op('copy'), ...by, elements: batch(copyElement) }),
  plain({ op: op('swap'), ...by, elements: batch(plain({ first: ref, second: ref })) }),
  plain({
    op: op('setup_table'),
    ...call,
    frames: u32,
    count: u32,
    list: fc.option(address, { nil: undefined }),
  }),
  plain({ op: op('query_size'), ...call, count: u32 }),
  plain({ op: op('set_version'), ...by, version: u32 }),
  plain({ op: op('get_version'), ...call }),
  plain({ op: op('refused_grant_call'), ...by, name: fc.constantFrom(...refusedGrantCalls) }),
  plain({
    op: op('grant'),
    ...by,
    ref,
    table: fc.oneof(fc.constantFrom(Gfn(0x8), Gfn(0x20)), gfn),
    version: fc.constantFrom(1, 2),
    flags: fc.oneof(fc.constantFrom(0, 1, 5), u16),
    to: domain,
    frame: u64,
    detail,
  }),
];

const memoryCalls: readonly fc.Arbitrary<Line>[] = [
  plain({
    op: fc.constantFrom('populate_physmap', 'decrease_reservation'),
    ...call,
    extents: gfns,
    order: u32,
  }),
  plain({ op: op('increase_reservation'), ...call, count: u32, order: u32 }),
  plain({ op: op('add_to_physmap'), ...call, space: u32, index: u64, gfn, size: u16 }),
  plain({
    op: op('add_to_physmap_batch'),
    ...call,
    space: fc.nat({ max: 7 }),
    foreign: u16,
    entries: batch(plain({ index: u64, gfn })),
  }),
  plain({ op: op('remove_from_physmap'), ...call, gfn }),
  plain({
    op: op('exchange'),
    ...call,
    given: gfns,
    givenOrder: u32,
    taken: gfns,
    takenOrder: u32,
  }),
  plain({
    op: fc.constantFrom('current_reservation', 'maximum_reservation', 'maximum_gpfn'),
    ...call,
  }),
  plain({ op: op('claim_pages'), ...call, pages: u64, order: u32 }),
  plain({
    op: op('acquire_resource'),
    ...call,
    id: u32,
    frame: u64,
    count: u32,
    isQuery: fc.boolean(),
  }),
];

const others: readonly fc.Arbitrary<Line>[] = [
  plain({ op: op('load'), ...by, address, size }),
  plain({ op: fc.constantFrom('store', 'xadd'), ...by, address, size, value: word }),
  plain({ op: op('cmpxchg'), ...by, address, size, expected: word, value: word }),
  plain({ op: op('fetch'), ...by, address }),
  plain({ op: op('crash'), ...by }),
  plain({ op: op('create'), domain, config }),
  plain({ op: fc.constantFrom('destroy', 'domain_info', 'pause', 'unpause'), domain }),
  plain({ op: op('set_memory_limit'), domain, pages: fc.maxSafeNat() }),
  plain({ op: op('memory_type'), domain, gfn }),
  plain({ op: op('pod_target'), domain, target: fc.option(u64, { nil: undefined }) }),
  plain({ op: op('set_memory_type'), domain, gfn, count: u32, type: u16 }),
  plain({ op: op('inspect_gfn'), domain, gfn }),
  plain({ op: op('fail_next'), what: fc.constantFrom(...fallible), after: u32 }),
  plain({ op: op('map_foreign'), window: u16, domain, gfn, readonly: fc.boolean() }),
  plain({ op: op('unmap_window'), window: u16 }),
];

const line: fc.Arbitrary<Line> = fc.oneof(...grantCalls, ...memoryCalls, ...others);

/** Points the names of handles at lines that come before. */
function lookingBack(lines: readonly Line[]): readonly Line[] {
  return lines.map((each, index) => {
    if (each.op !== 'unmap') return each;
    const elements = each.elements.map((element) => {
      if (typeof element.handle === 'number') return element;
      if (index === 0) return { ...element, handle: Handle(0) };
      return { ...element, handle: { ...element.handle, line: element.handle.line % index } };
    });
    return { ...each, elements };
  });
}

/** Every field of one preset under the name of another. */
const machine: fc.Arbitrary<Machine> = plain({
  base: fc.constantFrom(...Object.values(presets)),
  name: fc.constantFrom('tiny', 'small', 'paged', 'whole', 'xen', 'mine'),
  // More of both is no machine (broken.test.ts).
  domains: fc.nat({ max: 128 }),
  paging: fc.constantFrom('hap', 'shadow'),
  cpu: plain({
    addressBits: fc.integer({ min: 32, max: 44 }),
    gibPages: fc.boolean(),
    pse36: fc.boolean(),
    protectionKeys: fc.boolean(),
  }),
  shadowFrames: fc.integer({ min: 1, max: 2 ** 10 }),
  tlbEntries: fc.nat({ max: 16 }).map((power) => 2 ** power),
  defaults: fc.option(config, { nil: undefined }),
}).map(({ base, defaults, ...changes }) => ({
  ...base,
  ...changes,
  // A smaller pool of shadows is no machine (broken.test.ts).
  shadowFrames: Math.max(
    changes.shadowFrames,
    changes.paging === 'shadow' ? 4 * base.vcpus + 6 : 1,
  ),
  defaults: defaults ?? base.defaults,
}));

const words = fc.stringMatching(/^[a-z0-9[\]:;,.|#-]+( [a-z0-9[\]:;,.|#-]+){0,4}$/);
const text = fc
  .array(fc.oneof(words, fc.constant('')), { maxLength: 4 })
  .filter((lines) => lines[0] !== '' && lines.at(-1) !== '');
const value = fc.array(words, { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\n'));
const story: fc.Arbitrary<Story> = fc
  .tuple(text, fc.dictionary(fc.constantFrom(...storyFields), value))
  .map(([lines, fields]: [string[], Partial<Record<StoryField, string>>]) => ({
    text: lines,
    ...fields,
  }));

const expectation = fc.option(words, { nil: undefined });

const trace: fc.Arbitrary<Trace> = plain({
  story,
  machine,
  boot: fc.array(plain({ domain, config }), { maxLength: 3 }),
  rows: fc.array(fc.tuple(line, expectation), { maxLength: 12 }),
}).map(({ rows, ...rest }) => ({
  story: rest.story,
  program: {
    machine: rest.machine,
    boot: rest.boot,
    lines: lookingBack(rows.map(([each]) => each)),
  },
  expectations: rows.map(([, each]) => each),
}));

describe('a trace', () => {
  test('read back is the trace that was printed', () => {
    fc.assert(
      fc.property(trace, (each) => {
        expect(parseTrace(printTrace(each), 'a.trace')).toStrictEqual(each);
      }),
      { numRuns: 2000 },
    );
  });

  test('printed again after reading is the same text', () => {
    fc.assert(
      fc.property(trace, (each) => {
        const printed = printTrace(each);
        expect(printTrace(parseTrace(printed, 'a.trace'))).toBe(printed);
      }),
    );
  });

  test.each(Object.values(presets))(
    'of the machine $name needs no more than its name',
    (preset) => {
      const printed = printTrace(
        parseTrace(`xenolith-trace 1\nmachine ${preset.name}\n`, 'a.trace'),
      );
      expect(printed).toBe(`xenolith-trace 1\nmachine ${preset.name}\n`);
      expect(parseTrace(printed, 'a.trace').program.boot).toHaveLength(preset.domains);
    },
  );
});
