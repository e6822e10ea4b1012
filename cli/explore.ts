import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Bound } from '../properties/explore/bound.js';
import { bounds } from '../properties/explore/bounds.js';
import { CheckpointError, checkpointOf, restore } from '../properties/explore/checkpoint.js';
import { OnSystem, type Disagreement } from '../properties/explore/on-system.js';
import { exploreReport, exploreText, type SystemReport } from '../properties/explore/report.js';
import { Search } from '../properties/explore/search.js';
import { ClaimBroken } from '../properties/explore/transitions.js';
import { wayTo } from '../properties/explore/way-to.js';
import { identityOf } from '../properties/identity.js';
import { failureJson, failureText, type FailureReport } from '../properties/report.js';
import { occasionOf } from '../properties/occasion.js';
import { exitCodes, exitHelp, UsageError, type ExitCode } from './exit.js';
import { interruptible } from './interruptible.js';
import { subjectWith } from './options.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';
import { saveFailure } from './save.js';

/** What `explore` was asked for. */
export interface ExploreOptions {
  readonly depth: number | undefined;
  readonly states: number | undefined;
  readonly symmetry: boolean;
  readonly impl: boolean;
  readonly fault: readonly string[];
  /** Where the search is kept; undefined for nowhere. */
  readonly save: string | undefined;
  readonly saveEvery: number;
  readonly resume: string | undefined;
  readonly out: string;
  readonly json: boolean;
}

export const exploreHelp = `
Nothing here is random: every program of the acts of a bound is made, the short ones first, until no
new state turns up (the bound is closed) or a limit is met. Bounds:
${bounds.map(({ name, sentence, acts }) => `  ${name.padEnd(10)} ${sentence} (${acts.length} acts)`).join('\n')}

By itself the spec is searched, with every outcome that it allows, and what is claimed of all its states
is looked at in each. With --impl every act in every state is carried out on the hypervisor too, and
replies, frame rule, audits and views are compared. What disagrees first has a shortest program: it is
saved as a trace. Names that mean nothing (of domains, gfns, refs, pages, handles) are not told
apart, unless --no-symmetry says so; verdicts are the same both ways.
States are kept as exact numbers, not as hashes: none is left out by accident. --save FILE keeps the
search in a file now and then, and on Ctrl-C; --resume FILE goes on from there, with the same bound
and options, to the same report. The report has no times in it: it is the same everywhere.

Examples:
  xenolith explore loan
  xenolith explore grants --depth 6 --impl
  xenolith explore loan --impl --fault swap-checks-first-ref-only
  xenolith explore grants --save grants.part       (and later: --resume grants.part)
${exitHelp}`;

/** States that are tried before the terminal, and Ctrl-C, are looked at. */
const STRIDE = 2000;
const STRIDE_ON_SYSTEM = 10;

/** Explores a bound. */
export async function explore(name: string, options: ExploreOptions): Promise<ExitCode> {
  const bound = boundNamed(name);
  const search = new Search({
    bound,
    isSymmetric: options.symmetry,
    depth: options.depth ?? Number.MAX_SAFE_INTEGER,
    states: options.states ?? Number.MAX_SAFE_INTEGER,
  });
  const isOnSystem = options.impl || options.fault.length > 0;
  const system = isOnSystem
    ? new OnSystem(search.plan, await subjectWith(options.fault))
    : undefined;
  if (options.resume !== undefined) resumed(search, system, options.resume);
  const line = new ProgressLine(options.json);
  try {
    const found = await interruptible((signal) => searched(search, system, options, signal, line));
    line.clear();
    if (found === 'interrupted') return exitCodes.agree;
    return told(search, system, found, options);
  } catch (thrown) {
    line.clear();
    if (!(thrown instanceof ClaimBroken)) throw thrown;
    return told(search, system, brokenClaim(search, thrown), options);
  }
}

function boundNamed(name: string): Bound {
  const bound = bounds.find((each) => each.name === name);
  if (bound !== undefined) return bound;
  throw new UsageError(
    `no bound '${name}'; there are ${bounds.map((each) => each.name).join(', ')}`,
  );
}

async function searched(
  search: Search,
  system: OnSystem | undefined,
  options: ExploreOptions,
  signal: AbortSignal,
  line: ProgressLine,
): Promise<Disagreement | undefined | 'interrupted'> {
  const from = search.next + (system?.next ?? 0);
  let saved = from;
  const isOver = (): boolean => search.isOver && (system === undefined || system.isOver);
  while (!isOver()) {
    if (search.isOver) {
      const found = system?.run(Math.min(STRIDE_ON_SYSTEM, options.saveEvery));
      if (found !== undefined) return found;
    } else search.run(Math.min(STRIDE, options.saveEvery));
    line.tell(() => liveText(search, system, from, line.elapsed()));
    const next = search.next + (system?.next ?? 0);
    if (next - saved >= options.saveEvery) {
      save(search, system, options.save);
      saved = next;
    }
    await new Promise((go) => setImmediate(go));
    if (!signal.aborted) continue;
    save(search, system, options.save);
    line.clear();
    console.error(
      options.save === undefined
        ? 'interrupted; nothing is kept without --save'
        : `interrupted; go on with --resume ${options.save}`,
    );
    return 'interrupted';
  }
  return undefined;
}

function liveText(
  search: Search,
  system: OnSystem | undefined,
  from: number,
  milliseconds: number,
): string {
  const counted = (n: number): string => n.toLocaleString('en');
  const done = search.next + (system?.next ?? 0) - from;
  const rate = `${counted(Math.round(done / (milliseconds / 1000)))} tried a second`;
  const [known, next, begins] = search.isOver
    ? [system?.states ?? 0, system?.next ?? 0, system?.begins ?? []]
    : [search.visited.count, search.next, search.begins];
  const where = search.isOver ? 'on the system, depth' : 'depth';
  return `${where} ${begins.length - 2}: ${counted(known)} states, ${counted(known - next)} to try, ${rate}`;
}

/** The file is whole at every moment: a new one takes the place of the old one in one go. */
function save(search: Search, system: OnSystem | undefined, path: string | undefined): void {
  if (path === undefined) return;
  writeFileSync(`${path}.new`, checkpointOf(search, system?.checkpoint()));
  renameSync(`${path}.new`, path);
}

function resumed(search: Search, system: OnSystem | undefined, path: string): void {
  try {
    const kept = restore(search, readFileSync(path));
    if ((kept === undefined) !== (system === undefined))
      throw new CheckpointError('it was made with --impl, or is to go on with it: not both');
    if (kept !== undefined) system?.restore(kept);
  } catch (thrown) {
    if (thrown instanceof CheckpointError || (thrown instanceof Error && 'code' in thrown))
      throw new UsageError(`${path}: cannot be resumed: ${thrown.message}`);
    throw thrown;
  }
}

const reportOf = (system: OnSystem | undefined): SystemReport | undefined =>
  system === undefined
    ? undefined
    : {
        states: system.states,
        isClosed: system.next === system.states,
        tried: system.tried,
        changes: system.changes,
      };

/** The spec itself is wrong, in the state that was being tried. */
function brokenClaim(search: Search, { witness }: ClaimBroken): Disagreement {
  const { program } = wayTo(search, search.next).course;
  const line = program.lines.length - 1;
  const last = program.lines[line];
  const occasion = last === undefined ? 'create' : occasionOf(last);
  return { failure: { ...witness, verdict: 'harness_error', line, occasion }, program };
}

function told(
  search: Search,
  system: OnSystem | undefined,
  found: Disagreement | undefined,
  options: ExploreOptions,
): ExitCode {
  const result = exploreReport(search, reportOf(system));
  if (found === undefined) {
    console.log(options.json ? JSON.stringify(result) : painted(exploreText(result)));
    if (!options.json)
      console.log(painted(system === undefined ? 'agree: every claim holds' : 'agree'));
    return exitCodes.agree;
  }
  const { failure, program } = found;
  const report: FailureReport = {
    identity: identityOf(failure),
    failure,
    program,
    origin: `explore ${result.bound}, a shortest program`,
    ...(options.fault.length === 0 ? {} : { fault: options.fault.join('+') }),
  };
  const path = saveFailure(options.out, report);
  console.log(
    options.json
      ? JSON.stringify({ ...result, failure: failureJson(report), saved: path })
      : painted(`${failureText(report)}\nsaved     ${path}`),
  );
  return failure.verdict === 'harness_error' ? exitCodes.harness : exitCodes.wrong;
}
