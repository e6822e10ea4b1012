import { NO_HANDLE, VcpuId, type DomainId, type Handle } from '../../abi/ids.js';
import type {
  FromLine,
  Line,
  MarshalledCall,
  MarshalledLine,
  Program,
  UnmapLineElement,
} from '../../abi/program.js';

/** The program without the lines [from, to); handles that they made are named by nobody any more. */
export function withoutLines(program: Program, from: number, to: number): Program {
  const kept = program.lines.filter((_, index) => index < from || index >= to);
  const renamed = ({ line, element }: FromLine): FromLine | undefined => {
    if (line >= from && line < to) return undefined;
    return { line: line < from ? line : line - (to - from), element };
  };
  return { ...program, lines: kept.map((line) => withNames(line, renamed)) };
}

/** The program without every line that `isGone` says so of. */
export function withoutEvery(program: Program, isGone: (line: Line) => boolean): Program {
  let next = program;
  for (let index = program.lines.length - 1; index >= 0; index--) {
    const line = program.lines[index];
    if (line !== undefined && isGone(line)) next = withoutLines(next, index, index + 1);
  }
  return next;
}

/** The programs that lack one element of one batch of one line. */
export function* withoutElements(program: Program): IterableIterator<Program> {
  for (const [index, line] of program.lines.entries())
    for (let element = sizeOf(line) - 1; element >= 0 && sizeOf(line) > 1; element--)
      yield withoutElement(program, index, line, element);
}

/** The programs without one of the first domains: with nothing it does, or with nothing at all. */
export function* withoutDomains(program: Program): IterableIterator<Program> {
  for (const { domain } of program.boot) {
    const boot = program.boot.filter((other) => other.domain !== domain);
    yield { ...withoutEvery(program, (line) => actor(line) === domain), boot };
    yield { ...program, boot };
  }
}

/** The programs in which one vcpu but the first does nothing, or the first does it in its place. */
export function* withoutVcpus(program: Program): IterableIterator<Program> {
  for (const name of new Set(program.lines.filter(isOnOther).map(vcpuName))) {
    const isIts = (line: Line): boolean => isOnOther(line) && vcpuName(line) === name;
    yield withoutEvery(program, isIts);
    const lines = program.lines.map((line) =>
      isOnOther(line) && isIts(line) ? onFirstVcpu(line) : line,
    );
    yield { ...program, lines };
  }
}

type OfGuest = Extract<Line, { readonly vcpu: VcpuId }>;

function onFirstVcpu(line: OfGuest): Line {
  const vcpu = VcpuId(0);
  if (line.op !== 'marshalled') return { ...line, vcpu };
  return { ...line, vcpu, call: { ...line.call, vcpu } };
}

const isOnOther = (line: Line): line is OfGuest => 'vcpu' in line && line.vcpu > 0;
const vcpuName = ({ caller, vcpu }: OfGuest): string => `${caller}.${vcpu}`;

const actor = (line: Line): DomainId | undefined =>
  'caller' in line ? line.caller : 'domain' in line ? line.domain : undefined;

const sizeOf = (line: Line): number =>
  line.op === 'marshalled'
    ? sizeOf(line.call)
    : 'elements' in line
      ? line.elements.length
      : 'extents' in line
        ? line.extents.length
        : 'entries' in line
          ? line.entries.length
          : 0;

function withoutElement(program: Program, index: number, line: Line, element: number): Program {
  const lines = program.lines.map((other, at) => {
    if (at === index) return shortened(line, element);
    if (line.op !== 'map') return other;
    return withNames(other, (name) => {
      if (name.line !== index || name.element < element) return name;
      return name.element === element ? undefined : { line: index, element: name.element - 1 };
    });
  });
  return { ...program, lines };
}

function shortened(line: Line, element: number): Line {
  const rest = <Value>(list: readonly Value[]): readonly Value[] =>
    list.filter((_, i) => i !== element);
  switch (line.op) {
    case 'map':
      return { ...line, elements: rest(line.elements) };
    case 'unmap':
      return { ...line, elements: rest(line.elements) };
    case 'copy':
      return { ...line, elements: rest(line.elements) };
    case 'swap':
      return { ...line, elements: rest(line.elements) };
    case 'transfer':
      return { ...line, elements: rest(line.elements) };
    case 'write_back':
      return { ...line, elements: rest(line.elements) };
    case 'populate_physmap':
    case 'decrease_reservation':
      return { ...line, extents: rest(line.extents) };
    case 'add_to_physmap_batch':
      return { ...line, entries: rest(line.entries) };
    case 'marshalled':
      return withCall(line, shortened(line.call, element));
    default:
      return line;
  }
}

/** A line that stores the arguments of another call of the same operation. */
const withCall = (line: MarshalledLine, call: Line): Line =>
  isOf(call, line.call) ? { ...line, call } : line;

const isOf = (line: Line, call: MarshalledCall): line is MarshalledCall => line.op === call.op;

/** A line with every handle it names renamed; what has no name any more is nobody's handle. */
function withNames(line: Line, renamed: (name: FromLine) => FromLine | undefined): Line {
  const handleOf = (handle: Handle | FromLine): Handle | FromLine =>
    typeof handle === 'number' ? handle : (renamed(handle) ?? NO_HANDLE);
  if (line.op === 'unmap_and_replace') {
    const elements = line.elements.map((each) => ({ ...each, handle: handleOf(each.handle) }));
    return { ...line, elements };
  }
  const addressOf = (at: number | FromLine): number | FromLine =>
    typeof at === 'number' ? at : (renamed(at) ?? 1);
  if (line.op === 'write_back') {
    const elements = line.elements.map((each) => ({
      ...each,
      deviceAddress: addressOf(each.deviceAddress),
    }));
    return { ...line, elements };
  }
  if (line.op !== 'unmap') return line;
  const elements = line.elements.map((element): UnmapLineElement => {
    const deviceAddress = addressOf(element.deviceAddress);
    return { ...element, handle: handleOf(element.handle), deviceAddress };
  });
  return { ...line, elements };
}
