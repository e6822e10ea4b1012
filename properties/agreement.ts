import type { ElementReply, Reply } from '../abi/reply.js';
import type { Word } from '../abi/word.js';

/** The first place where a reply is not what a pattern asks for. */
export interface Difference {
  /** Without numbers: 'elements.status'. */
  readonly path: string;
  /** Which element of a batch; the last for what ends a hypercall, -1; 0 elsewhere. */
  readonly element: number;
  readonly expected: string;
  readonly actual: string;
}

type Of<Is extends Reply['is']> = Extract<Reply, { is: Is }>;

/**
 * Compares a reply with what the spec allows, or undefined when it agrees. Everything is compared
 * exactly but what a hypervisor is free to choose: a handle and a frame must be there where the
 * spec says so (`maps`: the step is a map), which ones is for the spec to accept afterwards.
 */
export function differenceOf(actual: Reply, allowed: Reply, maps: boolean): Difference | undefined {
  switch (allowed.is) {
    case 'no_domain':
    case 'paused':
    case 'stored':
    case 'done':
    case 'busy':
    case 'idle':
      return actual.is === allowed.is ? undefined : ofKind(actual, allowed);
    case 'crashed':
      return actual.is === 'crashed' ? ofCrashed(actual, allowed, maps) : ofKind(actual, allowed);
    case 'rc':
      if (actual.is !== 'rc') return ofKind(actual, allowed);
      return actual.rc === allowed.rc ? undefined : differ('rc', allowed.rc, actual.rc);
    case 'value':
      if (actual.is !== 'value') return ofKind(actual, allowed);
      return ofWord('value', actual.value, allowed.value);
    case 'statuses':
      if (actual.is !== 'statuses') return ofKind(actual, allowed);
      return ofElements(actual.elements, allowed.elements, maps);
    case 'fault':
      if (actual.is !== 'fault') return ofKind(actual, allowed);
      return ofScalar('vector', actual.vector, allowed.vector);
    case 'page_fault':
      if (actual.is !== 'page_fault') return ofKind(actual, allowed);
      return (
        ofScalar('code', actual.code, allowed.code) ??
        ofWord('linear', actual.linear, allowed.linear)
      );
    // [D8] Which gfns a log has to name, and may name, the spec says when it is shown them.
    case 'dirty':
      return actual.is === 'dirty' ? undefined : ofKind(actual, allowed);
    case 'hypercall':
      return actual.is === 'hypercall'
        ? ofHypercall(actual, allowed, maps)
        : ofKind(actual, allowed);
    // [B4] Which mappings ended first, the spec says when it is shown them.
    case 'released':
      if (actual.is !== 'released') return ofKind(actual, allowed);
      return ofScalar('mappings.length', actual.mappings.length, allowed.mappings.length);
    case 'preempted':
      if (actual.is !== 'preempted') return ofKind(actual, allowed);
      return differenceOf(actual.done, allowed.done, maps);
    case 'table':
      return actual.is === 'table' ? ofTable(actual, allowed) : ofKind(actual, allowed);
    case 'size':
      return actual.is === 'size' ? ofSize(actual, allowed) : ofKind(actual, allowed);
    case 'version':
      if (actual.is !== 'version') return ofKind(actual, allowed);
      return (
        ofScalar('rc', actual.rc, allowed.rc) ??
        ofScalar('version', actual.version, allowed.version)
      );
    case 'errors':
      if (actual.is !== 'errors') return ofKind(actual, allowed);
      return (
        ofScalar('rc', actual.rc, allowed.rc) ?? ofList('errors', actual.errors, allowed.errors)
      );
    case 'exchanged':
    case 'resource':
      return actual.is === allowed.is ? ofCount(actual, allowed) : ofKind(actual, allowed);
    case 'pod':
      return actual.is === 'pod' ? ofPod(actual, allowed) : ofKind(actual, allowed);
    case 'domain_info':
      return actual.is === 'domain_info' ? ofInfo(actual, allowed) : ofKind(actual, allowed);
    case 'inspected':
      return actual.is === 'inspected' ? ofInspected(actual, allowed) : ofKind(actual, allowed);
  }
}

function ofHypercall(
  actual: Of<'hypercall'>,
  allowed: Of<'hypercall'>,
  maps: boolean,
): Difference | undefined {
  const value = ofScalar('rc', actual.rc, allowed.rc);
  // What ended the call decides its value.
  if (value !== undefined) return { ...value, element: -1 };
  if (actual.outcome === undefined || allowed.outcome === undefined)
    return ofScalar('outcome', actual.outcome?.is, allowed.outcome?.is);
  return ofOutcome(actual.outcome, allowed.outcome, maps);
}

/** What a batch in memory answered before its caller was crashed, where both sides tell. */
const ofCrashed = (
  { outcome: actual }: Of<'crashed'>,
  { outcome: allowed }: Of<'crashed'>,
  maps: boolean,
): Difference | undefined =>
  actual === undefined || allowed === undefined ? undefined : ofOutcome(actual, allowed, maps);

/** Only mappings have handles, and the spec says which elements are mappings. */
function ofOutcome(actual: Reply, outcome: Reply, maps: boolean): Difference | undefined {
  const isMap =
    outcome.is === 'statuses' && outcome.elements.some(({ handle }) => handle !== undefined);
  return differenceOf(actual, outcome, maps && isMap);
}

function ofElements(
  actual: readonly ElementReply[],
  allowed: readonly ElementReply[],
  maps: boolean,
): Difference | undefined {
  if (actual.length !== allowed.length)
    return differ('elements.length', allowed.length, actual.length);
  for (let i = 0; i < allowed.length; i++) {
    const got = actual[i];
    const want = allowed[i];
    if (got === undefined || want === undefined) continue;
    if (got.status !== want.status)
      return { ...differ('elements.status', want.status, got.status), element: i };
    const named = maps && want.status === 'okay';
    if ((got.handle !== undefined) !== named)
      return { ...differ('elements.handle', named, got.handle ?? 'absent'), element: i };
    if ((got.frame !== undefined) !== named)
      return { ...differ('elements.frame', named, got.frame ?? 'absent'), element: i };
  }
  return undefined;
}

type Counted = Pick<Of<'exchanged' | 'resource'>, 'rc' | 'count'>;
const ofCount = (actual: Counted, allowed: Counted): Difference | undefined =>
  ofScalar('rc', actual.rc, allowed.rc) ?? ofScalar('count', actual.count, allowed.count);

const ofPod = (actual: Of<'pod'>, allowed: Of<'pod'>): Difference | undefined =>
  ofScalar('rc', actual.rc, allowed.rc) ??
  ofScalar('pages', actual.pages, allowed.pages) ??
  ofScalar('kept', actual.kept, allowed.kept) ??
  ofScalar('gfns', actual.gfns, allowed.gfns);

const ofTable = (actual: Of<'table'>, allowed: Of<'table'>): Difference | undefined =>
  ofScalar('status', actual.status, allowed.status) ??
  ofList('frames', actual.frames, allowed.frames);

const ofSize = (actual: Of<'size'>, allowed: Of<'size'>): Difference | undefined =>
  ofScalar('status', actual.status, allowed.status) ??
  ofScalar('frames', actual.frames, allowed.frames) ??
  ofScalar('maximum', actual.maximum, allowed.maximum);

const ofInfo = (actual: Of<'domain_info'>, allowed: Of<'domain_info'>): Difference | undefined =>
  ofScalar('dying', actual.dying, allowed.dying) ??
  ofScalar('shutdown', actual.shutdown, allowed.shutdown) ??
  ofScalar('pages', actual.pages, allowed.pages) ??
  ofScalar('maximumPages', actual.maximumPages, allowed.maximumPages) ??
  ofScalar('outstanding', actual.outstanding, allowed.outstanding);

function ofInspected(actual: Of<'inspected'>, allowed: Of<'inspected'>): Difference | undefined {
  const type = ofScalar('memoryType', actual.memoryType, allowed.memoryType);
  if (type !== undefined) return type;
  const shown = allowed.first !== undefined;
  if ((actual.frame !== undefined) !== shown)
    return differ('frame', shown ? 'a frame' : 'no frame', actual.frame ?? 'absent');
  if (allowed.first === undefined || actual.first === undefined)
    return ofScalar('first', actual.first, allowed.first);
  return ofWord('first', actual.first, allowed.first);
}

const ofWord = (path: string, actual: Word, allowed: Word): Difference | undefined =>
  actual.low === allowed.low && actual.high === allowed.high
    ? undefined
    : differ(path, hexadecimal(allowed), hexadecimal(actual));

const ofScalar = (path: string, actual: unknown, allowed: unknown): Difference | undefined =>
  actual === allowed ? undefined : differ(path, allowed, actual);

function ofList(
  path: string,
  actual: readonly unknown[],
  allowed: readonly unknown[],
): Difference | undefined {
  if (actual.length !== allowed.length)
    return differ(`${path}.length`, allowed.length, actual.length);
  const at = allowed.findIndex((value, i) => value !== actual[i]);
  return at === -1 ? undefined : { ...differ(path, allowed[at], actual[at]), element: at };
}

const ofKind = (actual: Reply, allowed: Reply): Difference =>
  differ('is', JSON.stringify(allowed), JSON.stringify(actual));

const differ = (path: string, expected: unknown, actual: unknown): Difference => ({
  path,
  element: 0,
  expected: String(expected),
  actual: String(actual),
});

/** A 64-bit value as sixteen hexadecimal digits. */
export const hexadecimal = ({ low, high }: Word): string =>
  `0x${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`;
