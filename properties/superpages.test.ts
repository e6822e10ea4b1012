import { describe, expect, test } from 'vitest';
import { CONTROL, DOMID_SELF, DomainId, Gfn, VcpuId } from '../abi/ids.js';
import { pagings, presets, type Machine, type Paging } from '../abi/machine.js';
import type { Line } from '../abi/program.js';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { defaultOptions, type Options } from '../impl/options.js';
import { pick, seeded } from './choose.js';
import { faultedModule } from './faulted.js';
import { chooseEmphasis } from './generate/emphasis.js';
import { usualGuests } from './generate/guest-mode.js';
import { usualLayout } from './generate/layout.js';
import { nextLine, openingLines } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { subjectsOf, type HypervisorModule } from './our-subject.js';
import { Running } from './running.js';
import { defaultBoot } from './walker.js';

type Counts = Readonly<Record<string, number>>;

/** Frames of a p2m pool: enough; and, with nested paging, one more than the opening lines need. */
const [ROOMY, TIGHT] = [12, 6];

/** The whole surface, with extents of 2 MiB and frames enough for some of them. */
const machineOn = (paging: Paging, p2mTableFrames: number): Machine => ({
  ...presets.whole,
  paging,
  guestFrames: 4300,
  p2mTableFrames,
  guestOrder: 9,
  controlOrder: 10,
  defaults: { ...presets.whole.defaults, maximumPages: 2100 },
});

/** Where superpages are put: after the first RAM, and where random programs look for holes. */
const PLACES = [0x200, 0x400, 0x600] as const;
/** A page in the middle of the last of them, which domain 1 gives up at once. */
const GIVEN_UP = 0x6a5;
/** What the opening lines make: two for domain 1, one of them anew, and two for domain 2 by one call. */
const MADE = 5;

const populate = (caller: number, gfn: number, order: number): Line => ({
  op: 'populate_physmap',
  caller: DomainId(caller),
  vcpu: VcpuId(0),
  target: caller === CONTROL ? DomainId(2) : DOMID_SELF,
  extents: [Gfn(gfn)],
  order,
});

const giveUp = (caller: number, gfn: number): Line => ({
  op: 'decrease_reservation',
  caller: DomainId(caller),
  vcpu: VcpuId(0),
  target: DOMID_SELF,
  extents: [Gfn(gfn)],
  order: 0,
});

/** A load by a linear address, which is a physical one before there is paging: a processor remembers it. */
const look = (caller: number, gfn: number): Line => ({
  op: 'load_linear',
  caller: DomainId(caller),
  vcpu: VcpuId(0),
  as: 'kernel',
  linear: { low: gfn * 4096, high: 0 },
  size: 4,
});

/** Random lines on domains that begin with superpages, in lock-step with the spec; what was counted. */
function episode(
  paging: Paging,
  seed: number,
  lines: number,
  options: Partial<Options>,
  module: HypervisorModule = { Hypervisor, observe },
): Counts {
  const machine = machineOn(paging, seed % 2 === 0 ? TIGHT : ROOMY);
  const boot = defaultBoot(machine);
  const running = new Running(machine, boot, subjectsOf(module, options));
  const choose = seeded(`superpages ${seed}`);
  const emphasis = chooseEmphasis(choose, 'all', usualGuests(machine), machine.surface);
  const usual = usualLayout(machine);
  const holes = [...usual.holes, ...PLACES, 0x3ff, 0x5ff];
  const scene = new Scene(choose, machine, emphasis, running.state, { ...usual, holes });
  const opening: Line[] = [
    populate(1, PLACES[0], 9),
    populate(CONTROL, PLACES[1], 10),
    populate(1, PLACES[2], 9),
    giveUp(1, GIVEN_UP),
    look(1, PLACES[0]),
    populate(1, PLACES[0], 9),
    ...openingLines(
      scene,
      boot.map(({ domain }) => domain),
    ),
  ];
  for (let index = -opening.length; index < lines; index++) {
    const again = index % 60 === 59 ? populate(1, pick(choose, PLACES), 9) : undefined;
    const line = opening[index + opening.length] ?? again ?? nextLine(scene);
    expect(running.perform(line)).toBeUndefined();
    scene.state = running.state;
    scene.noteHandles(line, running.lines.length - 1, running.reply);
    expect(index % 50 === 49 ? running.checkAll() : undefined).toBeUndefined();
  }
  expect(running.checkAll()).toBeUndefined();
  return running.lockStep.subject.counters?.() ?? {};
}

const off = Object.fromEntries(Object.keys(defaultOptions).map((name) => [name, false]));
const settings: readonly (readonly [string, Partial<Options>])[] = [
  ['every optimisation on', {}],
  ['every optimisation off', off],
  ...Object.keys(defaultOptions).map((name) => [`only ${name} off`, { [name]: false }] as const),
];

describe.each(pagings)('[E2] superpages of the p2m, %s', (paging) => {
  test.each(settings)('%s: random programs agree with the spec', (name, options) => {
    // Under shadow paging each gfn has an entry of its own.
    const isOn = options.superpages !== false && paging === 'hap';
    const seeds = name === 'every optimisation on' ? [1, 2, 3, 4, 5, 6] : [1];
    let splits = 0;
    for (const seed of seeds) {
      const counts = episode(paging, seed, 150, options);
      const [made, split] = [counts['superpagesMade'] ?? 0, counts['superpagesSplit'] ?? 0];
      expect(isOn ? made >= MADE : made === 0).toBe(true);
      expect(isOn ? split >= 1 : split === 0).toBe(true);
      splits += split;
    }
    // Of several programs one splits others than that which each begins with.
    expect(!isOn || seeds.length === 1 || splits > seeds.length).toBe(true);
  });
});

/** Bugs that programs of smaller extents cannot meet: what goes wrong, where, and in place of what. */
const faults: readonly (readonly [string, string, string, string])[] = [
  [
    'XSA-222: a page that no table is left to split off is freed all the same',
    'impl/tables/p2m-table.ts',
    "if (table === undefined || this.#setting.failing.strikes('entry')) return '-ENOMEM';\n\n    // Nothing below this line can fail.\n    this.#write(table, gfn, 0, 0);",
    "if (table === undefined) return 'cleared';\n    this.#write(table, gfn, 0, 0);",
  ],
  [
    'XSA-328: what a superpage replaces is still remembered by processors',
    'impl/physmap.ts',
    '  for (const [gfn, found] of old) domain.paging.entryChanged(gfn, found);\n  return',
    '  return',
  ],
  [
    'P-2011-typezero: the pieces of a superpage forget the flags of the whole',
    'impl/tables/superpage.ts',
    'setEntry(ram, child, part, level === 2 ? piece : entry.superpageOf(piece), high);',
    'setEntry(ram, child, part, piece & ~0xfff, high);',
  ],
  [
    'XSA-410: a table that a superpage replaces stays on the account of its domain',
    'impl/tables/p2m-table.ts',
    'this.#tree.giveBackUnder(',
    'void (',
  ],
];

describe('[P2] a fault in superpages', () => {
  test.each(faults)('%s', async (title, file, find, put) => {
    const fault = { id: 'superpage', title, kin: 'none', breaks: ['P2'] };
    const module = await faultedModule({ ...fault, changes: [{ file, find, put }] });
    const run = (): void => {
      for (const seed of [1, 2, 3, 4, 5, 6]) episode('hap', seed, 150, {}, module);
    };
    expect(run).toThrow('to be undefined');
  });
});
