import { setImmediate } from 'node:timers/promises';
import type { Boot } from '../abi/program.js';
import type { Machine } from '../abi/machine.js';
import { pick, seeded } from './choose.js';
import { Coverage } from './coverage.js';
import type { EmphasisName } from './generate/emphasis.js';
import { usualGuests, type GuestMode } from './generate/guest-mode.js';
import type { Identity } from './identity.js';
import type { MakeSubject } from './subject.js';
import { worse, type Verdict } from './verdict.js';
import { defaultBoot, Episode, type EpisodePlan, type Found } from './walker.js';

/** A random run: many seeded episodes, until enough was done or somebody says stop. */
export interface CampaignPlan {
  readonly seed: string;
  readonly machine: Machine;
  readonly make: MakeSubject;
  readonly emphasis?: EmphasisName;
  readonly guests?: GuestMode;
  /** Domains that every episode starts with; all of the machine's where not given. */
  readonly boot?: readonly Boot[];
  /**
   * Ends after this many episodes, of all lengths: each walks to a state, from which everything has
   * to be given back.
   */
  readonly recover?: number;
  /** Ends after the episode in which this many lines are done. */
  readonly lines?: number;
  /** Ends after the episode in which `clock` passes this many milliseconds. */
  readonly milliseconds?: number;
  /** Milliseconds since any moment; only asked where `milliseconds` or `progress` is given. */
  readonly clock?: () => number;
  /** Ends after the episode in which this many failures are known. */
  readonly failures?: number;
  readonly signal?: AbortSignal;
  readonly linesPerEpisode?: number;
  readonly stride?: number;
  readonly progress?: (progress: Progress) => void;
}

export interface Progress {
  readonly lines: number;
  readonly episodes: number;
  readonly found: number;
  /** What was reached so far. */
  readonly coverage: Coverage;
}

/** What a random run came to. The same plan, bounded by lines, comes to the same. */
export interface Campaign {
  readonly seed: string;
  readonly lines: number;
  readonly episodes: number;
  /** Each identity once, in the order of finding, not shrunk. */
  readonly found: readonly Found[];
  /** [E7] Episodes at whose end everything came back. */
  readonly recovered: number;
  readonly coverage: Coverage;
  readonly aborted: boolean;
}

export const defaultPlan = {
  emphasis: 'all',
  linesPerEpisode: 2000,
  stride: 1000,
} as const satisfies Partial<CampaignPlan>;

/** The seed of one episode of a campaign. */
export const episodeSeed = (seed: string, index: number): string => `${seed}/${index}`;

/**
 * A campaign as one verdict: the most severe failure; else, where some goal was never reached, no
 * judgement, since what was claimed was not tried.
 */
export function verdictOf({ found, coverage, lines }: Campaign): Verdict {
  const failures = found.map(({ failure }): Verdict => failure);
  const [missed] = coverage.missedGoals();
  const start: Verdict =
    missed === undefined
      ? { verdict: 'agree', lines }
      : { verdict: 'skip', because: `[${missed.id}] never happened: ${missed.sentence}` };
  return failures.reduce(worse, start);
}

/** Runs episodes; between them other work of the process gets its turn. */
export async function campaign(plan: CampaignPlan): Promise<Campaign> {
  const coverage = new Coverage(plan.machine);
  const muted = new Set<Identity>();
  const found: Found[] = [];
  const episodes = episodePlan(plan);
  const start = plan.clock?.() ?? 0;
  let lines = 0;
  let index = 0;
  let recovered = 0;
  while (!isOver(plan, lines, index, found.length, start)) {
    const episode = new Episode(...nextEpisode(plan, episodes, index), muted, coverage);
    const end = episode.walk();
    lines += end.lines;
    index++;
    found.push(...end.found);
    if (end.isRecovered) recovered++;
    plan.progress?.({ lines, episodes: index, found: found.length, coverage });
    await setImmediate();
  }
  const aborted = plan.signal?.aborted === true;
  return { seed: plan.seed, lines, episodes: index, found, recovered, coverage, aborted };
}

/** The seed of the next episode, and how it is run: where states are sampled it has a length. */
function nextEpisode(
  plan: CampaignPlan,
  usual: EpisodePlan,
  index: number,
): readonly [string, EpisodePlan] {
  const seed = episodeSeed(plan.seed, index);
  if (plan.recover === undefined) return [seed, usual];
  const choose = seeded(`${seed} length`);
  return [seed, { ...usual, lines: 1 + choose.below(pick(choose, sampleLengths)) }];
}

/** Most states are met within some hundred lines; some things take long to come together. */
const sampleLengths = [50, 200, 400, 800, 2000] as const;

/** What each episode of a campaign is run with. */
export const episodePlan = (plan: CampaignPlan): EpisodePlan => ({
  machine: plan.machine,
  boot: plan.boot ?? defaultBoot(plan.machine),
  emphasis: plan.emphasis ?? defaultPlan.emphasis,
  guests: plan.guests ?? usualGuests(plan.machine),
  lines: Math.min(plan.linesPerEpisode ?? defaultPlan.linesPerEpisode, plan.lines ?? Infinity),
  stride: plan.stride ?? defaultPlan.stride,
  make: plan.make,
});

function isOver(
  plan: CampaignPlan,
  lines: number,
  episodes: number,
  found: number,
  start: number,
): boolean {
  if (plan.signal?.aborted === true) return true;
  if (plan.failures !== undefined && found >= plan.failures) return true;
  if (plan.recover !== undefined) return episodes >= plan.recover;
  if (plan.lines !== undefined && lines >= plan.lines) return true;
  if (plan.milliseconds !== undefined && plan.clock !== undefined)
    return plan.clock() - start >= plan.milliseconds;
  return plan.lines === undefined && plan.failures === undefined && episodes > 0;
}
