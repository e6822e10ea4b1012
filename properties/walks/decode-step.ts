import { CR0_WP, EFER_NXE } from '../../abi/control.js';
import type { Accessor } from '../../abi/step.js';
import { isList, type Fields } from '../recordings/fields.js';
import { decodeAnswer, wordOfQuantity } from './answer.js';
import { cr4BitsOf } from './cr4-bits.js';
import {
  judgements,
  type Dispute,
  type Recorded,
  type RecordedStep,
  type WalkOperation,
} from './recorded-case.js';

/** `B8 imm32`: what an exec runs. */
export const INSTRUCTION_BYTES = 5;
const DESCRIPTOR_BYTES = 8;

/** Decodes a step: what was done, and what the recorded processors answered. */
export function decodeStep(step: Fields): RecordedStep {
  return {
    operation: decodeOperation(step),
    recorded: recordedFact(step, '=>', (fields, key) => decodeAnswer(fields.object(key))),
  };
}

/** A fact under `key` with what is said about its certainty. */
export function recordedFact<Fact>(
  fields: Fields,
  key: string,
  read: (fields: Fields, key: string) => Fact,
): Recorded<Fact> {
  const optional = (name: string): Fact | undefined =>
    fields.has(name) ? read(fields, name) : undefined;
  return {
    fact: read(fields, key),
    isLoose: fields.has('loose') && fields.boolean('loose'),
    also: alsoOf(fields, read),
    dispute: fields.has('disputed') ? disputeOf(fields, optional) : undefined,
  };
}

/** One other fact, or a list of one; none where it is the same. */
function alsoOf<Fact>(
  fields: Fields,
  read: (fields: Fields, key: string) => Fact,
): Fact | undefined {
  if (!fields.has('also')) return undefined;
  const [listed, ...more] = isList(fields.raw('also')) ? fields.list('also') : [];
  if (more.length > 0) fields.refuse('also', 'one other fact');
  return read(listed === undefined ? fields : fields.replaced({ also: listed }), 'also');
}

function disputeOf<Fact>(
  fields: Fields,
  optional: (name: string) => Fact | undefined,
): Dispute<Fact> {
  const right = fields.string('right');
  return {
    about: fields.string('disputed'),
    right:
      judgements.find((name) => name === right) ?? fields.refuse('right', judgements.join(', ')),
    qemu: optional('qemu'),
    bochs: optional('bochs'),
  };
}

function decodeOperation(step: Fields): WalkOperation {
  const op = step.string('op');
  switch (op) {
    case 'read':
      return { op, ...operandOf(step) };
    case 'write':
    case 'xadd':
    case 'rmw':
      return { op, value: wordOfQuantity(step, 'value'), ...operandOf(step) };
    case 'cmpxchg': {
      const expected = wordOfQuantity(step, 'expect');
      return { op, expected, value: wordOfQuantity(step, 'value'), ...operandOf(step) };
    }
    case 'exec':
      return { op, linear: linearOf(step), size: INSTRUCTION_BYTES, as: accessorOf(step) };
    case 'desc':
      return { op, linear: linearOf(step), size: DESCRIPTOR_BYTES, as: 'implicit' };
    case 'invlpg':
      return { op, linear: linearOf(step) };
    case 'cr3':
      return { op, value: wordOfQuantity(step, 'value') };
    case 'cr4': {
      const bits = step.object('cr4');
      return { op, set: cr4BitsOf(bits, 1), clear: cr4BitsOf(bits, 0) };
    }
    case 'cr0':
      return { op, ...oneBit(step, 'wp', CR0_WP) };
    case 'efer':
      return { op, ...oneBit(step, 'nxe', EFER_NXE) };
    case 'pkru':
      return { op, value: step.count('value', 0, 0xffff_ffff) };
    case 'poke':
      return { op, ...placeOf(step), value: wordOfQuantity(step, 'value') };
    case 'peek':
      return { op, ...placeOf(step) };
    default:
      return step.refuse('op', 'an operation of the recorder');
  }
}

const linearOf = (step: Fields): ReturnType<typeof wordOfQuantity> => wordOfQuantity(step, 'la');

const operandOf = (
  step: Fields,
): { linear: ReturnType<typeof wordOfQuantity>; size: number; as: Accessor } => ({
  linear: linearOf(step),
  size: step.count('size', 1, 8),
  as: accessorOf(step),
});

/** EFLAGS.AC says nothing about user code. */
function accessorOf(step: Fields): Accessor {
  if (step.count('user', 0, 1) === 1) return 'user';
  return step.has('ac') && step.count('ac', 0, 1) === 1 ? 'kernel_ac' : 'kernel';
}

function oneBit(step: Fields, key: string, bit: number): { set: number; clear: number } {
  const isSet = step.count(key, 0, 1) === 1;
  return { set: isSet ? bit : 0, clear: isSet ? 0 : bit };
}

const placeOf = (step: Fields): { address: number; width: 4 | 8 } => ({
  address: step.count('pa', 0, 2 ** 29 - 1),
  width: widthOf(step),
});

/** The width of an entry: 4 or 8 bytes. */
export function widthOf(fields: Fields): 4 | 8 {
  const width = fields.count('width', 4, 8);
  return width === 4 || width === 8 ? width : fields.refuse('width', '4 or 8');
}
