import { describe, expect, test } from 'vitest';
import { CONTROL, DOMID_SELF, DomainId, FIRST_VCPU } from '../abi/ids.js';
import { presets, type Machine, type Paging } from '../abi/machine.js';
import type { Line } from '../abi/program.js';
import type { Reply } from '../abi/reply.js';
import { preemptible } from '../abi/step.js';
import { layouts } from '../abi/layouts.js';
import type { State } from '../model/state.js';
import { entries } from './keyed-entries.js';
import { seeded } from './choose.js';
import { chooseEmphasis } from './generate/emphasis.js';
import { nextLine, openingLines } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { ours } from './our-subject.js';
import { Running } from './running.js';
import { howXenStops, storiesOfStops } from './testing/stories-of-stops.js';
import { keepsBuffers, marshalled, replacesItsArgument } from './testing/stopped-calls.js';
import { defaultBoot } from './walker.js';

/*
 * Where a call is stopped, and how often, cannot be told afterwards: the same call on the same
 * machine, not stopped, stopped at every place where it may be, and stopped once at each of them.
 */

/** Calls that may be stopped, and something else now and then, all of it in batches. */
function walk(machine: Machine, seed: string, length: number): readonly Line[] {
  const choose = seeded(seed);
  const running = new Running(machine, defaultBoot(machine), ours);
  const emphasis = chooseEmphasis(choose, 'all', undefined, machine.surface);
  const scene = new Scene(choose, machine, { ...emphasis, surfaceShare: 0 }, running.state);
  const ids = defaultBoot(machine).map(({ domain }) => domain);
  const opening = [...openingLines(scene, ids)];
  while (running.lines.length < length) {
    scene.wantsBatch = true;
    const line = opening.shift() ?? nextLine(scene);
    scene.wantsBatch = false;
    expect(running.perform(line)).toBeUndefined();
    scene.state = running.state;
    scene.noteHandles(line, running.lines.length - 1, running.reply);
  }
  return running.lines;
}

/** The places at which a line may be stopped are fewer than this. */
function unitsOf(line: Line, state: State): number {
  if (line.op === 'destroy')
    return (
      1 +
      [...entries(state.domains)].flatMap(([id, { mappings }]) =>
        id === line.domain ? entries(mappings) : [],
      ).length
    );
  if (line.op === 'increase_reservation') return Math.min(line.count, 9);
  if (line.op === 'add_to_physmap') return line.space === 3 ? line.size : 1;
  if (line.op === 'pod_target') return 8;
  if (line.op === 'set_memory_type' || line.op === 'acquire_resource')
    return Math.min(line.count, 9);
  if ('elements' in line) return line.elements.length;
  if ('extents' in line) return line.extents.length;
  return 'entries' in line ? line.entries.length : 1;
}

/** What came of a line: all that was answered, all that can be seen, and all that is meant. */
interface End {
  readonly answer: Reply;
  readonly stops: number;
  readonly view: unknown;
  readonly meaning: unknown;
}

/** A line after others, stopped at each number of units in turn; no number: it is not stopped. */
function endOf(machine: Machine, before: readonly Line[], line: Line, stops: number[]): End {
  const running = new Running(machine, defaultBoot(machine), ours);
  const make = (each: Line): Reply => {
    expect(running.perform(each)).toBeUndefined();
    return running.reply;
  };
  for (const each of before) make(each);
  const by = 'caller' in line ? line : { caller: CONTROL, vcpu: FIRST_VCPU };
  const { caller, vcpu } = by;
  let stopped = 0;
  let made: Line = line;
  let answer: Reply | undefined;
  for (const after of [...stops, undefined]) {
    if (after !== undefined) make({ op: 'interrupt', caller, vcpu, after });
    const reply = make(made);
    answer = answer === undefined ? partOf(reply) : joined(answer, partOf(reply));
    made = { op: 'resume', caller, vcpu };
    if (reply.is !== 'preempted') break;
    stopped++;
  }
  expect(running.checkAll()).toBeUndefined();
  const { observer } = running.lockStep.subject;
  const view = observer?.view();
  // Who was crashed never learns the handles of the last batch, but those it was told before.
  const meaning = running.reply.is === 'crashed' ? undefined : meant(running.state);
  return { answer: answer ?? { is: 'idle' }, stops: stopped, view, meaning };
}

/** Who is crashed sees nothing. */
const partOf = (reply: Reply): Reply =>
  reply.is === 'crashed' ? { is: 'crashed' } : reply.is === 'preempted' ? reply.done : reply;

/** Two parts of one answer; a count is that of all. */
function joined(first: Reply, rest: Reply): Reply {
  if (first.is === 'statuses' && rest.is === 'statuses')
    return { ...rest, elements: [...first.elements, ...rest.elements] };
  if (first.is === 'resource' && rest.is === 'resource')
    return { ...rest, count: first.count + rest.count };
  if (first.is === 'hypercall' && rest.is === 'hypercall') {
    const { outcome } = rest;
    if (first.outcome === undefined || outcome === undefined) return rest;
    return { ...rest, outcome: joined(first.outcome, outcome) };
  }
  if (first.is === 'errors' && rest.is === 'errors')
    return { ...rest, errors: [...first.errors, ...rest.errors] };
  return rest;
}

/** A state without what vcpus may remember, and were told besides. */
const meant = ({ domains, pages, nextPage }: State) => ({
  nextPage,
  pages: entries(pages),
  domains: entries(domains).map(([, domain]) => ({
    ...domain,
    loggedSince: undefined,
    vcpus: domain.vcpus.map((vcpu) => ({ ...vcpu, past: undefined, interrupt: undefined })),
  })),
});

interface Case {
  readonly before: readonly Line[];
  readonly line: Line;
  readonly units: number;
}

function casesOf(machine: Machine, seed: string, length: number): readonly Case[] {
  const lines = walk(machine, seed, length);
  const running = new Running(machine, defaultBoot(machine), ours);
  const cases: Case[] = [];
  for (const [index, line] of lines.entries()) {
    const units = unitsOf(line, running.state);
    const before = lines.slice(0, index);
    if (units > 1) cases.push({ before, line, units });
    // Now and then a domain that has mappings is destroyed instead.
    if (index % 9 === 0)
      for (const [id, { mappings }] of entries(running.state.domains)) {
        const destroyed: Line = { op: 'destroy', domain: DomainId(id) };
        if (mappings !== undefined && id !== CONTROL)
          cases.push({ before, line: destroyed, units: unitsOf(destroyed, running.state) });
      }
    running.perform(line);
    for (const layout of layouts) {
      const inMemory = marshalled(line, layout);
      if (units > 1 && inMemory !== undefined) cases.push({ before, line: inMemory, units });
    }
  }
  return cases;
}

/** Each number of units between two stops, and each place for a single one. */
function waysOf(units: number): readonly number[][] {
  const ways = [Array.from({ length: units }, () => 1)];
  for (let k = 1; k < units; k++) ways.push([k]);
  return ways;
}

/** What kind of call a line is, and in which layout its arguments are. */
const kindOf = (line: Line): string =>
  line.op === 'marshalled' ? `${line.layout} ${line.call.op}` : line.op;

/** A case does not depend on where it is stopped; answers how often it was. */
function expectTheSame(
  machine: Machine,
  { before, line, units }: Case,
  ways = waysOf(units),
): number {
  let stopped = 0;
  const whole = endOf(machine, before, line, []);
  for (const way of ways) {
    const end = endOf(machine, before, line, way);
    stopped += end.stops;
    if (keepsBuffers(line) || replacesItsArgument(line)) continue;
    expect({ line, way, ...end, stops: 0 }).toEqual({ line, way, ...whole });
  }
  return stopped;
}

/** Of the kinds of calls that may be stopped, those that a guest makes with arguments in memory. */
const inMemory: ReadonlySet<string> = new Set([
  'map',
  'unmap',
  'copy',
  'swap',
  'populate_physmap',
  'decrease_reservation',
  'increase_reservation',
  'add_to_physmap',
  'add_to_physmap_batch',
]);

describe.each(['hap', 'shadow'] satisfies Paging[])('calls that are stopped, with %s', (paging) => {
  const machine: Machine = { ...presets.whole, paging };

  test.each(['p', 'q'])('[B2] [B3] where a call is stopped does not matter, walk %s', (seed) => {
    let stopped = 0;
    for (const each of casesOf(machine, seed, 48)) stopped += expectTheSame(machine, each);
    expect(stopped).toBeGreaterThan(50);
  });

  test('[B2] every kind of call that Xen may stop is stopped, as values and in both layouts', () => {
    const wanted = new Set(
      preemptible.flatMap((op) =>
        inMemory.has(op) ? [op, ...layouts.map((layout) => `${layout} ${op}`)] : [op],
      ),
    );
    const seen = new Set<string>();
    for (const story of storiesOfStops) {
      const running = new Running(machine, defaultBoot(machine), ours);
      for (const line of story.slice(0, -1)) running.perform(line);
      const last = story.at(-1);
      const inLayouts = last === undefined ? [] : layouts.map((each) => marshalled(last, each));
      for (const line of [last, ...inLayouts]) {
        if (line === undefined) continue;
        const units = unitsOf(last ?? line, running.state);
        const each = { before: story.slice(0, -1), line, units };
        if (expectTheSame(machine, each) > 0) seen.add(kindOf(line));
      }
    }
    expect([...seen].toSorted()).toEqual([...wanted].toSorted());
  });
});

test('[B2] between two places full of copies of 32 bits it is not looked whether they are to stop', () => {
  const side = { domain: DOMID_SELF, at: 1, offset: 0 };
  const element = { source: side, dest: { ...side, at: 2 }, length: 8, flags: 0 };
  const elements = Array.from({ length: 207 }, () => element);
  const by = { caller: DomainId(1), vcpu: FIRST_VCPU };
  const line = marshalled({ op: 'copy', ...by, elements }, 'compat');
  // 204 of them fill the place that Xen has.
  const { compatAreaBytes } = presets.xen;
  const machine: Machine = { ...presets.whole, compatAreaBytes };
  const make = (after: number): Reply => {
    const running = new Running(machine, defaultBoot(machine), ours);
    expect(running.perform({ op: 'interrupt', ...by, after })).toBeUndefined();
    const failure = line === undefined ? undefined : running.perform(line);
    expect(failure).toBeUndefined();
    return running.reply;
  };
  const doneAt = (after: number): number | undefined => {
    const reply = make(after);
    const done = reply.is === 'preempted' ? reply.done : undefined;
    const outcome = done?.is === 'hypercall' ? done.outcome : undefined;
    return outcome?.is === 'statuses' ? outcome.elements.length : undefined;
  };
  expect([202, 203, 204, 205, 206, 207].map(doneAt)).toEqual([202, 203, 205, 205, 206, undefined]);
});

test('[B2] what may be stopped is what Xen may stop', () => {
  const all = Object.entries(howXenStops).flatMap(([op, how]) => (how === 'stopped' ? [op] : []));
  expect(all.toSorted()).toEqual([...preemptible].toSorted());
});
