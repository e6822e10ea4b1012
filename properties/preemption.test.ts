import { describe, expect, test } from 'vitest';
import { CONTROL, DomainId, FIRST_VCPU, GuestPhysical } from '../abi/ids.js';
import { presets, type Machine, type Paging } from '../abi/machine.js';
import type { Line } from '../abi/program.js';
import type { Reply } from '../abi/reply.js';
import type { CopySide } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { State } from '../model/state.js';
import { entries } from './keyed-entries.js';
import { seeded } from './choose.js';
import { chooseEmphasis } from './generate/emphasis.js';
import { nextLine, openingLines } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { ours } from './our-subject.js';
import { Running } from './running.js';
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

/** A copy keeps its buffers from one element to the next, unless it is stopped between them. */
function keepsBuffers(line: Line): boolean {
  if (line.op === 'marshalled') return keepsBuffers(line.call);
  if (line.op !== 'copy') return false;
  const isSame = (a: CopySide | undefined, b: CopySide): boolean =>
    a?.domain === b.domain && a.at === b.at;
  return line.elements.some(({ source, dest }, i) => {
    const previous = line.elements[i - 1];
    return isSame(previous?.source, source) || isSame(previous?.dest, dest);
  });
}

/**
 * A call that puts other pages where its own argument is: what is read again when it goes on is not
 * what was read at first (p2m.md 2.9).
 */
function replacesItsArgument(line: Line): boolean {
  if (line.op !== 'marshalled') return false;
  const { call, place } = line;
  const first = Math.floor(place / PAGE_BYTES);
  const covers = (gfn: number, pages: number): boolean => gfn <= first + 1 && gfn + pages > first;
  if ('extents' in call) return call.extents.some((gfn) => covers(gfn, 2 ** call.order));
  return call.op === 'add_to_physmap_batch' && call.entries.some(({ gfn }) => covers(gfn, 1));
}

interface Case {
  readonly before: readonly Line[];
  readonly line: Line;
  readonly units: number;
}

/** The same call with its arguments in memory, across the end of a page. */
function marshalled(line: Line): Line | undefined {
  switch (line.op) {
    case 'map':
    case 'unmap':
    case 'copy':
    case 'swap':
    case 'populate_physmap':
    case 'decrease_reservation':
    case 'increase_reservation':
    case 'add_to_physmap':
    case 'add_to_physmap_batch': {
      const { caller, vcpu } = line;
      if (caller === CONTROL) return undefined;
      const place = GuestPhysical(0x5fc0);
      const where = { place, linear: { low: place, high: 0 }, count: undefined };
      return {
        op: 'marshalled',
        caller,
        vcpu,
        layout: 'native',
        as: 'kernel',
        ...where,
        call: line,
      };
    }
    default:
      return undefined;
  }
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
    const inMemory = marshalled(line);
    if (units > 1 && inMemory !== undefined) cases.push({ before, line: inMemory, units });
  }
  return cases;
}

describe.each(['hap', 'shadow'] satisfies Paging[])('calls that are stopped, with %s', (paging) => {
  const machine: Machine = { ...presets.whole, paging };

  test.each(['p', 'q'])('[B2] [B3] where a call is stopped does not matter, walk %s', (seed) => {
    let stops = 0;
    for (const { before, line, units } of casesOf(machine, seed, 64)) {
      const whole = endOf(machine, before, line, []);
      const ways = [Array.from({ length: units }, () => 1)];
      for (let k = 1; k < units; k++) ways.push([k]);
      for (const way of ways) {
        const end = endOf(machine, before, line, way);
        stops += end.stops;
        if (keepsBuffers(line) || replacesItsArgument(line)) continue;
        expect({ line, way, ...end, stops: 0 }).toEqual({ line, way, ...whole });
      }
    }
    expect(stops).toBeGreaterThan(50);
  });
});
