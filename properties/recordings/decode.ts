import { basename } from 'node:path';
import { Fields, isList } from './fields.js';
import { parseJson, type Json, type JsonObject } from './json-text.js';
import { readText } from './read-text.js';

/** What a real Xen answered, trace by trace, in the order of the file. */
export interface Recording {
  /** File name without its folder. */
  readonly file: string;
  /** Which hypervisor was recorded, as the file says it. */
  readonly xen: string;
  readonly traces: readonly RecordedTrace[];
}

export interface RecordedTrace {
  readonly name: string;
  /** By domain id, ascending: how it differs from the defaults, and what its creation answered. */
  readonly domains: readonly { readonly id: number; readonly config: Fields; readonly rc: Json }[];
  readonly steps: readonly RecordedStep[];
  /** By domain id: what its destruction at the end answered. */
  readonly teardown: ReadonlyMap<number, Json>;
  /** Whether nothing was left: no page missing, no domain lingering. */
  readonly leftNothing: boolean;
  /** How the recorded host itself broke, in a line; what it would have answered nobody knows. */
  readonly broke: string | undefined;
}

export interface RecordedStep {
  /** The executing domain; 0 is the control domain. */
  readonly caller: number;
  readonly operation: string;
  /** The arguments, names of earlier results replaced by what was recorded for them. */
  readonly arguments: Fields;
  /** Undefined where the rig never ran the step. */
  readonly result: Fields | undefined;
}

/** Domain ids that the rig has room for: 1..6. */
export const RIG_DOMAINS = 6;

const TRACES = 100_000;
const STEPS = 100_000;
const NESTING = 8;
/** What the rig passes for a name that has no such result. */
const DANGLING = 0xdead;

/**
 * Reads a recording, plain JSON or compressed with gzip. Throws a `RecordingError` naming the file
 * and the place for text that is not JSON, a wrong shape, or an absurd size.
 */
export function readRecording(path: string): Recording {
  const file = basename(path);
  return decodeRecording(readText(path, file), file);
}

/** Decodes the text of a recording; `file` is the name that errors give. */
export function decodeRecording(text: string, file: string): Recording {
  const root = new Fields(parseJson(text, file), file, '$');
  const xen = root.object('meta').string('xen');
  return { file, xen, traces: root.objects('traces', TRACES).map(decodeTrace) };
}

function decodeTrace(trace: Fields): RecordedTrace {
  if (trace.has('error')) return brokenTrace(trace);
  const after = trace.object('after');
  const teardown = trace.object('teardown');
  return {
    name: trace.string('name'),
    domains: decodeDomains(trace),
    steps: decodeSteps(trace),
    teardown: new Map(
      teardown.keys().map((key) => [domainKey(teardown, key), teardown.raw(key) ?? null]),
    ),
    leftNothing: after.quantity('free_delta') === 0n && after.list('leftover').length === 0,
    broke: undefined,
  };
}

/** The host broke down: nothing is known of what came before either. */
const brokenTrace = (trace: Fields): RecordedTrace => {
  const [reason = ''] = trace.string('error').split(/:?\n/);
  const nothing = { domains: [], teardown: new Map<number, Json>(), leftNothing: false };
  return { name: trace.string('name'), ...nothing, steps: decodeSteps(trace), broke: reason };
};

function decodeDomains(trace: Fields): RecordedTrace['domains'] {
  const domains = trace.object('domains');
  const ids = domains.keys();
  const setup = trace.raw('setup');
  if (setup !== 'ok' && !(isList(setup) && setup.length === ids.length))
    trace.refuse('setup', '"ok" or one result for each domain');
  const results = setup === 'ok' ? undefined : trace.objects('setup');
  return ids.map((key, i) => ({
    id: domainKey(domains, key),
    config: domains.object(key),
    rc: results === undefined ? 0 : (results[i]?.raw('rc') ?? null),
  }));
}

function domainKey(fields: Fields, key: string): number {
  const id = Number(key);
  if (!Number.isInteger(id) || id < 1 || id > RIG_DOMAINS)
    fields.refuse(key, `a domain id from 1 to ${RIG_DOMAINS} as the key`);
  return id;
}

function decodeSteps(trace: Fields): readonly RecordedStep[] {
  const named = new Map<string, Json>();
  return trace.objects('steps', STEPS).map((step) => {
    const caller = step.has('d') ? step.count('d', 0, RIG_DOMAINS) : 0;
    const operation = step.string('op');
    const result = step.has('=>') ? step.object('=>') : undefined;
    const decoded = { caller, operation, arguments: argumentsOf(step, named), result };
    if (step.has('as') && result !== undefined) named.set(step.string('as'), result.rawObject());
    return decoded;
  });
}

function argumentsOf(step: Fields, named: ReadonlyMap<string, Json>): Fields {
  const kept: Record<string, Json> = {};
  for (const key of step.keys()) {
    if (key === 'd' || key === 'op' || key === 'as' || key === '=>') continue;
    kept[key] = resolved(step.raw(key) ?? null, named, step, NESTING);
  }
  return step.replaced(kept);
}

/** Replaces `{"$": "name.field"}` by the field of the earlier result of that name. */
function resolved(
  value: Json,
  named: ReadonlyMap<string, Json>,
  step: Fields,
  depth: number,
): Json {
  if (value === null || typeof value !== 'object') return value;
  if (depth === 0) throw step.error('arguments are nested too deep');
  const inner = (part: Json): Json => resolved(part, named, step, depth - 1);
  if (isList(value)) return value.map(inner);
  if (Object.hasOwn(value, '$')) return lookedUp(value, named, step);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inner(part)]));
}

function lookedUp(reference: JsonObject, named: ReadonlyMap<string, Json>, step: Fields): Json {
  const place = step.replaced(reference);
  const [name = '', ...path] = place.string('$').split('.');
  let found = named.get(name);
  for (const key of path) found = memberOf(found, key);
  const more = place.has('plus') ? place.quantity('plus') : 0n;
  if (found === undefined) return DANGLING;
  return more === 0n ? found : String(place.asQuantity(found, '$') + more);
}

function memberOf(value: Json | undefined, key: string): Json | undefined {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined;
  return isList(value) ? value[Number(key)] : value[key];
}
