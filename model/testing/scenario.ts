import { Handle, Mfn } from '../../abi/ids.js';
import type { Program } from '../../abi/program.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import { leavings } from '../../abi/leavings.js';
import type { RefusalId, RuleId } from '../../abi/rules.js';
import type { Step } from '../../abi/step.js';
import { answerColumn } from '../../counterexamples/answers.js';
import { parseTrace } from '../../counterexamples/parse.js';
import { printReply } from '../../counterexamples/reply.js';
import { desugar, Handles, mayMap } from '../../properties/desugar.js';
import { performedBy } from '../../properties/performed.js';
import { get, has } from '../../values/keyed.js';
import { leftBy } from './leftovers.js';
import { boot, isObjection, step as spec, type State } from '../model.js';

/**
 * Scenarios: tests of the spec, written in the words of traces. For tests only.
 *
 * A script is the part of a trace below its header; without a line `machine` it is played on
 * `small`, whose domains d1, d2, d3 have RAM at the gfns 0 to 7 and their grant table at 0x20.
 */
export type Scenarios = Readonly<Record<string, string>>;

export interface Performed {
  /** What the spec answers to each line, as the right column of a trace. */
  readonly answers: readonly string[];
  /** The rules and refusals that were reached, in order, by all that may happen in each step. */
  readonly reached: readonly string[];
  /** The refusals that left something behind. */
  readonly left: readonly RefusalId[];
  readonly state: State;
}

export interface Played extends Performed {
  /** The script, with what the spec answers for its right column. */
  readonly text: string;
}

/** Plays a script; `handles` are for its mappings, as in `perform`. */
export function play(script: string, handles: readonly number[] = []): Played {
  const body = /^\s*machine /.test(script) ? script : `machine small\n${script}`;
  const { program, expectations } = parseTrace(unindented(body), 'script');
  const performed = perform(program, handles, expectations);
  return { ...performed, text: withAnswers(script, expectations, performed.answers) };
}

/**
 * Runs a program on the spec alone, always with the first outcome. A mapping gets the next of
 * `handles`, and when these are used up the lowest handle that is not in use. Where `like`, a right
 * column of the program, lists all answers that are allowed, so do the answers. A refusal may leave only
 * what is told of.
 */
export function perform(
  program: Program,
  handles: readonly number[] = [],
  like: readonly (string | undefined)[] = [],
): Performed {
  const queue = [...handles];
  const reached: string[] = [];
  const left: RefusalId[] = [];
  let state = boot(program.machine);
  let besides: readonly Reply[] = [];
  const make = (step: Step): Reply => {
    const [alternative, ...others] = spec(state, step);
    if (alternative === undefined) throw new Error('no outcome');
    besides = others.map((other) => other.reply);
    const reply = chosen(state, step, alternative.reply, queue);
    const next = alternative.next(reply);
    if (isObjection(next)) throw new Error(next.objection);
    const { shownOf, untoldOf } = leftBy(state, next, alternative.rules);
    for (const id of untoldOf)
      if (!(id in leavings)) throw new Error(`${id} leaves what is not told`);
    left.push(...shownOf);
    state = next;
    reached.push(...alternative.rules, ...others.flatMap((other) => other.rules));
    return reply;
  };
  for (const { domain, config } of program.boot) make({ op: 'create', domain, config });

  const names = new Handles();
  const answers = program.lines.map((line, index) => {
    let reply: Reply = { is: 'no_domain' };
    for (const step of desugar(line, program.machine, names)) reply = make(step);
    if (mayMap(line)) names.note(index, reply);
    const allowed = [reply, ...besides].map((each) => printReply(each, line.op));
    return answerColumn(allowed, like[index]);
  });
  return { answers, reached, left, state };
}

/**
 * Rules that no outcome is named after: they say what other outcomes rest on, and are shown by
 * scenarios in which those are reached.
 */
export const principles: readonly RuleId[] = [
  'G4',
  'G5',
  'G11',
  'G12',
  'G13',
  'G14',
  'G15',
  'P1',
  'P2',
  'P3',
  'P4',
  'P5',
  'P15',
  'A5',
  'A6',
  'W1',
  'W2',
  'W3',
  'W4',
  'W5',
  'W7',
  'T2',
  'T3',
  'T4',
  'C7',
  'C8',
  'D4',
  'H4',
  'H5',
  'M2',
  'M3',
  'M4',
];

/** The ids in the brackets of a title that have to be reached by name. */
export const demanded = (title: string): readonly string[] =>
  [...title.matchAll(/\[([A-Z]\d+(?:\.\d+)?)\]/g)]
    .map(([, id]) => id ?? '')
    .filter((id) => !principles.some((principle) => principle === id));

/** The answer with a handle for each mapping, and a frame for what the toolstack can map. */
function chosen(state: State, step: Step, reply: Reply, queue: number[]): Reply {
  if (reply.is === 'inspected' && reply.first !== undefined && step.op === 'inspect_gfn') {
    const entry = get(get(state.domains, step.domain)?.p2m, step.gfn);
    return entry === undefined ? reply : { ...reply, frame: Mfn(entry.page) };
  }
  if (reply.is === 'preempted')
    return { is: reply.is, done: chosen(state, step, reply.done, queue) };
  const maps = performedBy(state, step) === 'map';
  if (reply.is !== 'statuses' || !maps || !('caller' in step)) return reply;
  const mappings = get(state.domains, step.caller)?.mappings;
  let lowest = 0;
  const elements = reply.elements.map((element): ElementReply => {
    if (element.status !== 'okay') return element;
    while (has(mappings, lowest)) lowest++;
    return { ...element, handle: Handle(queue.shift() ?? lowest++) };
  });
  return { is: 'statuses', elements };
}

const unindented = (body: string): string => {
  const lines = body.split('\n').map((line) => line.trim());
  return ['xenolith-trace 1', ...lines.filter((line) => line !== '')].join('\n');
};

/** The script with each right column replaced by an answer. */
function withAnswers(
  script: string,
  expectations: readonly (string | undefined)[],
  answers: readonly string[],
): string {
  let next = 0;
  const lines = script.split('\n').map((line) => {
    if (!/^\s*\d/.test(line)) return line;
    const index = next++;
    const said = expectations[index]?.length ?? 0;
    return line.slice(0, line.length - said) + (answers[index] ?? '');
  });
  return lines.join('\n');
}
