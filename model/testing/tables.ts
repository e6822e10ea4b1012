import type { Paging } from '../../abi/machine.js';
import { demanded, play, type Played } from './scenario.js';

/**
 * Scenarios that begin with paging turned on. For tests only.
 *
 * The tables of d1's vcpu 0 are at 0x8, its pages 0x1, 0x2 and 0x3 begin with 0x11, 0x22 and 0x33:
 *
 *             top      then     then     lowest
 *   2-level   0x8                        0x9
 *   pae       0x8               0xa      0x9
 *   4-level   0x8      0xb      0xa      0x9
 *
 * Entry 0 of each leads to the next, for all to write; the lowest is empty. So a script maps the page
 * at linear 0x5000 by `pte table=0x9 index=5`. Its lines count from 0, as if nothing came before.
 */
export interface Tables {
  readonly mode: '2-level' | 'pae' | '4-level';
  /** The one kind of paging to play on; without it the answers are the same on both. */
  readonly paging?: Paging;
  /** More words for the line `machine paged`. */
  readonly machine?: string;
  /** RAM of d1 that is not the machine's default. */
  readonly ram?: string;
  /** CR0, if not that of a kernel that minds readonly pages. */
  readonly cr0?: string;
  /** Flags of CR4 besides those of the mode. */
  readonly cr4?: string;
  /** Flags of EFER besides those of the mode. */
  readonly efer?: string;
}

export type PagedScenarios = Readonly<Record<string, readonly [Tables, string]>>;

/** Scenarios as rows of a table of tests: the title, the kind of paging, the tables, the script. */
export function rowsOf(
  scenarios: PagedScenarios,
): readonly (readonly [title: string, paging: Paging, tables: Tables, script: string])[] {
  const kinds: readonly Paging[] = ['shadow', 'hap'];
  return Object.entries(scenarios).flatMap(([title, [tables, script]]) =>
    kinds
      .filter((paging) => tables.paging === undefined || tables.paging === paging)
      .map((paging) => [title, paging, tables, script] as const),
  );
}

/** What came of a script: the whole of it with what the spec answers, as said and as it is. */
export interface PagedPlay extends Played {
  readonly script: string;
  /** The rules of the title that were not reached. */
  readonly missed: readonly string[];
}

/** Plays a script behind the lines that set its tables up. */
export function playPaged(
  title: string,
  paging: Paging,
  tables: Tables,
  script: string,
): PagedPlay {
  const whole = behind(paging, tables, script);
  const played = play(whole);
  const missed = demanded(title).filter((id) => !played.reached.includes(id));
  return { ...played, script: whole, missed };
}

function behind(paging: Paging, tables: Tables, script: string): string {
  const before = [...dataLines, ...pathLines[tables.mode], ...registerLines(tables)];
  const shift = before.length;
  const moved = script
    .replaceAll(/^( *)(\d+)/gm, (_, space: string, line: string) => `${space}${+line + shift}`)
    .replaceAll(/\bh(\d+)/g, (_, line: string) => `h${+line + shift}`);
  const words = ['machine paged', `paging=${paging}`, ...maybe(tables.machine)];
  const boot = tables.ram === undefined ? [] : [`domain d1 ram=${tables.ram}`, 'domain d2'];
  return [words.join(' '), ...boot, ...before.map((line, i) => `${i}  ${line}`), moved].join('\n');
}

const dataLines = [
  'd1  store  at=0x1 u32 0x11  ok',
  'd1  store  at=0x2 u32 0x22  ok',
  'd1  store  at=0x3 u32 0x33  ok',
];

const pathLines: Readonly<Record<Tables['mode'], readonly string[]>> = {
  '2-level': ['d1  pte  table=0x8 index=0 width=4 gfn=0x9 p+rw+us  ok'],
  pae: [
    'd1  pte  table=0x8 index=0 width=8 gfn=0xa p        ok',
    'd1  pte  table=0xa index=0 width=8 gfn=0x9 p+rw+us  ok',
  ],
  '4-level': [
    'd1  pte  table=0x8 index=0 width=8 gfn=0xb p+rw+us  ok',
    'd1  pte  table=0xb index=0 width=8 gfn=0xa p+rw+us  ok',
    'd1  pte  table=0xa index=0 width=8 gfn=0x9 p+rw+us  ok',
  ],
};

const usual = {
  '2-level': { cr4: ['pse'], efer: [] },
  pae: { cr4: ['pae'], efer: [] },
  '4-level': { cr4: ['pae'], efer: ['lme'] },
} as const;

function registerLines({ mode, cr0 = 'pe+et+wp+pg', cr4, efer }: Tables): readonly string[] {
  const flags = [...usual[mode].efer, ...maybe(efer)];
  return [
    `d1  cr4   value=${[...usual[mode].cr4, ...maybe(cr4)].join('+')}  done`,
    ...(flags.length === 0 ? [] : [`d1  efer  value=${flags.join('+')}  done`]),
    'd1  cr3   value=0x8000  done',
    `d1  cr0   value=${cr0}  done`,
  ];
}

const maybe = (word: string | undefined): readonly string[] => (word === undefined ? [] : [word]);
