import type { Surface } from '../../abi/machine.js';
import { percent, pick, type Choose } from '../choose.js';
import type { GuestMode } from './guest-mode.js';

/** The families of lines; each has its own file. */
export const families = [
  'grant',
  'map',
  'unmap',
  'copy',
  'table',
  'physmap',
  'access',
  'toolstack',
] as const;
export type Family = (typeof families)[number];

/** What one episode is about. Weights are relative; 0 switches a family off. */
export interface Emphasis {
  readonly weights: readonly number[];
  readonly total: number;
  /** Percentage of arguments that are wrong, boundary or hostile on purpose. */
  readonly hostility: number;
  /** Percentage of places, grants and handles taken from what was used last. */
  readonly attention: number;
  /** Percentage of chances to tidy up (re-create, map the table again) that are taken. */
  readonly care: number;
  /** Percentage of batches with more than one element. */
  readonly batches: number;
  /** Percentage of domains that start by choosing version 2. */
  readonly versionTwo: number;
  /** Percentage of new gfns far from all others, each costing tables of the p2m. */
  readonly distance: number;
  /** How guests page; undefined where they all go by physical addresses. */
  readonly guests: GuestMode | undefined;
  /** Percentage of lines about paging, and of these the percentages about tables and registers. */
  readonly pagingShare: number;
  readonly tableShare: number;
  readonly controlShare: number;
  /** Percentage of lines about what only the whole surface has; and how much each kind happens. */
  readonly surfaceShare: number;
  readonly surfaceWeights: readonly number[];
  /** Most gfns are without a page, and few pages are kept for them. */
  readonly gaps: boolean;
}

/** How much each family happens where nothing is emphasised, in the order of `families`. */
const usual: Readonly<Record<Family, number>> = {
  grant: 15,
  map: 17,
  unmap: 12,
  copy: 11,
  table: 6,
  physmap: 14,
  access: 20,
  toolstack: 3,
};

/** Named emphases for the command line: families multiplied; what is not named stays usual. */
export const emphases = {
  all: {},
  grants: { grant: 3, map: 3, unmap: 3, physmap: 0.5, copy: 0.3 },
  copy: { grant: 2, copy: 5, map: 0.6, physmap: 0.5 },
  memory: { physmap: 4, access: 2, copy: 0.5 },
  life: { toolstack: 6, grant: 2, map: 2, physmap: 1.5 },
  versions: { table: 5, grant: 2, map: 1.5, copy: 1.5 },
} as const satisfies Readonly<Record<string, Partial<Record<Family, number>>>>;
export type EmphasisName = keyof typeof emphases;
/** All of them, the first is the one that is meant where none is named. */
export const emphasisNames: readonly EmphasisName[] = [
  'all',
  'grants',
  'copy',
  'memory',
  'life',
  'versions',
];

/**
 * Swarm testing: each episode switches some families off and weighs the others unevenly, so that
 * what hides behind a busy neighbour gets runs of its own.
 */
export function chooseEmphasis(
  choose: Choose,
  name: EmphasisName,
  guests: GuestMode | undefined,
  surface: Surface,
): Emphasis {
  const factors: Partial<Record<Family, number>> = emphases[name];
  const weights = families.map((family) => {
    const swarm = optional.has(family) && percent(choose, 9) ? 0 : pick(choose, uneven);
    return Math.ceil(usual[family] * (factors[family] ?? 1) * swarm * 10);
  });
  return {
    weights,
    total: weights.reduce((sum, weight) => sum + weight, 0),
    hostility: pick(choose, [0, 2, 5, 8, 12, 20]),
    attention: pick(choose, [30, 50, 60, 75]),
    care: pick(choose, [20, 40, 60]),
    batches: pick(choose, [0, 10, 25, 50]),
    versionTwo: pick(choose, [0, 0, 30, 60, 100]),
    distance: pick(choose, [0, 0, 1, 4]),
    guests,
    // Without paging nothing is drawn for it.
    pagingShare: guests === undefined ? 0 : pick(choose, [50, 70, 85]),
    tableShare: guests === undefined ? 0 : pick(choose, [10, 25, 40]),
    controlShare: guests === undefined ? 0 : pick(choose, [4, 10, 20]),
    // Nor where the surface is not whole.
    ...(surface === 'guests'
      ? { surfaceShare: 0, surfaceWeights: [], gaps: false }
      : chooseSurface(choose)),
  };
}

function chooseSurface(choose: Choose): Pick<Emphasis, 'surfaceShare' | 'surfaceWeights' | 'gaps'> {
  const surfaceShare = pick(choose, [20, 40, 60]);
  const gaps = percent(choose, 20);
  const surfaceWeights = surfaceKinds.map((kind) => {
    const weight = percent(choose, 20) ? 0 : pick(choose, [1, 2, 4]);
    return gaps && kind === 'on_demand' ? 24 : weight;
  });
  return { surfaceShare, surfaceWeights, gaps };
}

/** What only the whole surface has: each has its own file. */
export const surfaceKinds = [
  'life',
  'failing',
  'preemption',
  'pause',
  'memory_type',
  'on_demand',
  'windows',
  'control_grants',
  'hypercall',
  'resources',
  'frames',
] as const;
export type SurfaceKind = (typeof surfaceKinds)[number];

const uneven = [0.25, 0.5, 1, 1, 2, 4] as const;
/** Without grants and maps there would be little to see. */
const optional: ReadonlySet<Family> = new Set<Family>([
  'unmap',
  'copy',
  'table',
  'physmap',
  'toolstack',
]);
