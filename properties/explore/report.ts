import { rules as allRules } from '../../abi/rules.js';
import { isShown } from '../coverage.js';
import { stepGoals } from '../goals.js';
import { reachableRefusals, reachableRules } from '../reachable.js';
import type { Search } from './search.js';

/** What is told of an exploration. The same for the same bound and options, wherever it is made. */
export interface ExploreReport {
  readonly bound: string;
  readonly sentence: string;
  readonly acts: number;
  readonly symmetry: { readonly isUsed: boolean; readonly renamings: number };
  readonly states: number;
  /** States by the length of the shortest programs that lead to them. */
  readonly depths: readonly number[];
  /** Every program of any length was seen. */
  readonly isClosed: boolean;
  /** Outcomes that changed something, and those of them that are not the likely ones. */
  readonly changes: number;
  readonly looseChanges: number;
  readonly bytesPerState: number;
  readonly rules: readonly string[];
  readonly refusals: readonly string[];
  readonly goals: readonly string[];
  readonly missing: {
    readonly rules: readonly string[];
    readonly refusals: readonly string[];
    readonly goals: readonly string[];
  };
  readonly system: SystemReport | undefined;
}

/** What was carried out on the system beside the spec. */
export interface SystemReport {
  /** States that it came to, and whether that is all there are of these. */
  readonly states: number;
  readonly isClosed: boolean;
  /** Acts that were carried out, of which so many changed something. */
  readonly tried: number;
  readonly changes: number;
}

export function exploreReport(search: Search, system: SystemReport | undefined): ExploreReport {
  const { bound, isSymmetric } = search.plan;
  const { machine } = bound;
  const { rules, goals } = search.reached;
  const shown = Object.keys(allRules).filter((id) => isShown(id, (outcome) => rules.has(outcome)));
  const without = (all: readonly string[], found: ReadonlySet<string>): readonly string[] =>
    all.filter((id) => !found.has(id));
  const { visited, shapes } = search;
  return {
    bound: bound.name,
    sentence: bound.sentence,
    acts: bound.acts.length,
    symmetry: { isUsed: isSymmetric, renamings: shapes.renamings.length },
    states: visited.count,
    depths: depthsOf(search),
    isClosed: search.isClosed,
    changes: search.changes,
    looseChanges: search.looseChanges,
    bytesPerState: Math.ceil((visited.bytes + shapes.memories.bytes) / visited.count),
    rules: shown,
    refusals: [...rules].filter((id) => id.includes('.')).toSorted(),
    goals: [...goals].toSorted(),
    missing: {
      rules: without(reachableRules(machine), new Set(shown)),
      refusals: without(reachableRefusals(machine), rules),
      goals: without(
        stepGoals(machine).map(({ id }) => id),
        goals,
      ),
    },
    system,
  };
}

/** How many states each depth has; the last may not be complete. */
export function depthsOf({ begins, visited }: Search): readonly number[] {
  return begins
    .map((from, depth) => (begins[depth + 1] ?? visited.count) - from)
    .filter((count) => count > 0);
}

/** The report for people. */
export function exploreText(report: ExploreReport): string {
  const { symmetry, system, missing } = report;
  const names = symmetry.isUsed
    ? `names that mean nothing are not told apart (${symmetry.renamings} renamings of domains, gfns and refs; pages and handles besides)`
    : 'names are told apart';
  const reach = report.isClosed
    ? `closed: every program, of any length, leads to one of ${counted(report.states)} states`
    : `not closed: ${counted(report.states)} states were met`;
  return [
    `explore ${report.bound}: ${report.sentence}`,
    `${report.acts} acts in each state; ${names}`,
    reach,
    `states by depth: ${report.depths.map(counted).join(' ')}`,
    `${counted(report.changes)} outcomes changed something, ${counted(report.looseChanges)} of them not the likely one`,
    `${report.bytesPerState} bytes a state; states are compared exactly, none is left out`,
    ...(system === undefined ? [] : systemLines(system)),
    '',
    list('rules', report.rules, missing.rules),
    list('refusals', report.refusals, missing.refusals),
    list('goals', report.goals, missing.goals),
  ].join('\n');
}

const systemLines = ({ states, isClosed, tried, changes }: SystemReport): readonly string[] => [
  `on the system: ${counted(tried)} acts carried out in ${counted(states)} states, ${counted(changes)} changed something`,
  ...(isClosed ? ['closed: it comes to no other state by these acts'] : []),
];

const list = (what: string, found: readonly string[], missing: readonly string[]): string =>
  `${what} in this bound (${found.length} of ${found.length + missing.length}): ${found.join(' ')}`;

const counted = (n: number): string => n.toLocaleString('en');
