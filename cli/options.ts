import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { pagings, presets, type Machine, type Paging } from '../abi/machine.js';
import { parseFault } from '../faults/parse.js';
import type { Fault } from '../faults/fault.js';
import { emphases, type EmphasisName } from '../properties/generate/emphasis.js';
import { guestModes, type GuestMode } from '../properties/generate/guest-mode.js';
import { faultedSubjects, projectRoot } from '../properties/faulted.js';
import { ours } from '../properties/our-subject.js';
import type { MakeSubject } from '../properties/subject.js';
import { UsageError } from './exit.js';

/** Arguments that several commands take, read and checked. */

/** No run takes more steps. */
export const STEPS_LIMIT = 1e12;

/** A whole number from 1 up to a limit. */
export const wholeNumber =
  (limit: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^[0-9][0-9_]*$/.test(text) && !/^[0-9.]+e[0-9]+$/.test(text)) throw invalid(limit);
    const number = Number.isNaN(value) ? Number(text.replaceAll('_', '')) : value;
    if (!Number.isInteger(number) || number < 1 || number > limit) throw invalid(limit);
    return number;
  };

const invalid = (limit: number): InvalidArgumentError =>
  new InvalidArgumentError(`It has to be a whole number from 1 to ${limit}.`);

/** The machine of a name, its guests' page tables served as the second name says. */
export function machineNamed(name: string, paging?: string): Machine {
  const machine = Object.entries(presets).find(([preset]) => preset === name)?.[1];
  if (machine === undefined)
    throw new UsageError(`no machine '${name}'; there are ${Object.keys(presets).join(', ')}`);
  return paging === undefined ? machine : { ...machine, paging: pagingNamed(paging) };
}

/**
 * The machines that a check runs on: the one that is named, or each kind there is: without guests' own
 * page tables, with shadows of them, with nested paging.
 */
export function machinesFor(name: string | undefined, paging: string | undefined): Machine[] {
  if (name !== undefined) return [machineNamed(name, paging)];
  if (paging !== undefined) return [machineNamed('paged', paging)];
  const { small, paged, whole } = presets;
  return [small, paged, { ...paged, paging: 'hap' }, whole, { ...whole, paging: 'hap' }];
}

/** The paging of a name. */
export function pagingNamed(name: string): Paging {
  const paging = pagings.find((one) => one === name);
  if (paging !== undefined) return paging;
  throw new UsageError(`no paging '${name}'; there are ${pagings.join(', ')}`);
}

/** The use of paging by guests of a name. */
export function guestsNamed(name: string): GuestMode {
  const mode = guestModes.find((each) => each === name);
  if (mode === undefined)
    throw new UsageError(`no guests '${name}'; there are ${guestModes.join(', ')}`);
  return mode;
}

/** The emphasis of a name. */
export function emphasisNamed(name: string): EmphasisName {
  if (!isEmphasis(name))
    throw new UsageError(`no emphasis '${name}'; there are ${Object.keys(emphases).join(', ')}`);
  return name;
}

const isEmphasis = (name: string): name is EmphasisName => Object.hasOwn(emphases, name);

/** The system to be checked: our hypervisor, or a copy of it with faults put in. */
export async function subjectWith(faults: readonly string[]): Promise<MakeSubject> {
  if (faults.length === 0) return ours;
  const read = faults.map((id) => readFault(id));
  const all: Fault = {
    ...(read[0] ?? readFault('')),
    id: faults.join('+'),
    changes: read.flatMap(({ changes }) => changes),
  };
  return faultedSubjects(all);
}

/** Reads a fault of the project by its id. */
export function readFault(id: string): Fault {
  const path = join(projectRoot(), 'faults', `${id}.fault`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UsageError(`no fault '${id}'; the faults are the .fault files in faults/`);
  }
  return parseFault(id, text);
}

/** For an option that may be given several times. */
export const collected = (value: string, before: readonly string[]): readonly string[] => [
  ...before,
  value,
];

/** A fault of the project, put into the hypervisor. */
export const faultOption = (): Option =>
  new Option('--fault <id>', 'put a known fault into the hypervisor (may be given again)')
    .argParser(collected)
    .default([], 'none');
/** For programs that read what a command has to say. */
export const jsonOption = (): Option =>
  new Option('--json', 'one JSON object instead of text').default(false);
