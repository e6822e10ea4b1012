import { basename } from 'node:path';
import type { Word } from '../../abi/word.js';
import { Fields } from '../recordings/fields.js';
import { parseJson } from '../recordings/json-text.js';
import { readText } from '../recordings/read-text.js';
import { wordOfQuantity } from './answer.js';
import { cr4BitsOf } from './cr4-bits.js';
import { decodeStep, recordedFact, widthOf } from './decode-step.js';
import {
  walkModes,
  type RecordedCpu,
  type RecordedEnd,
  type RecordedEntry,
  type RecordedWrites,
  type WalkCase,
  type WalkFile,
  type WalkMode,
} from './recorded-case.js';

const CASES = 10_000;
const ENTRIES = 4096;
/** Physical addresses of the recordings' memory. */
const ADDRESS_LIMIT = 2 ** 29;

/**
 * Reads a file of recorded walks, plain JSON or compressed with gzip. Throws a `RecordingError`
 * that names the file and the place in it for text that is not JSON, a wrong shape, or an absurd size.
 */
export function readWalks(path: string): WalkFile {
  const file = basename(path);
  return decodeWalks(readText(path, file), file);
}

/** Decodes the text of a file of recorded walks; `file` is the name that errors give. */
export function decodeWalks(text: string, file: string): WalkFile {
  const root = new Fields(parseJson(text, file), file, '$');
  return {
    name: file.replace(/\.json(?:\.gz)?$/, ''),
    cases: root.objects('cases', CASES).map(decodeCase),
  };
}

function decodeCase(one: Fields, index: number): WalkCase {
  if (one.object('load').raw('ok') !== true) one.refuse('load', 'ok: a case starts with paging on');
  const tables = one.objects('tables', ENTRIES).map(decodeEntry);
  const after = one.objects('after', ENTRIES);
  if (after.length !== tables.length) one.refuse('after', `${tables.length} entries`);
  return {
    name: one.string('name'),
    index,
    mode: modeOf(one),
    cpu: decodeCpu(one.object('cpu')),
    cr3: wordOfQuantity(one, 'cr3'),
    tables,
    patches: one.has('data') ? one.objects('data').map(decodePatch) : [],
    steps: one.objects('steps').map(decodeStep),
    after: after.map((end, i) => decodeEnd(end, tables[i])),
    writes: decodeWrites(one),
  };
}

function modeOf(one: Fields): WalkMode {
  const mode = one.string('mode');
  return walkModes.find((name) => name === mode) ?? one.refuse('mode', walkModes.join(', '));
}

const addressOf = (fields: Fields): number => fields.count('pa', 0, ADDRESS_LIMIT - 1);

const decodeEntry = (entry: Fields): RecordedEntry => ({
  address: addressOf(entry),
  width: widthOf(entry),
  value: wordOfQuantity(entry, 'value'),
});

const decodePatch = (patch: Fields): WalkCase['patches'][number] => ({
  address: addressOf(patch),
  bytes: patch.bytes('bytes'),
});

function decodeEnd(end: Fields, entry: RecordedEntry | undefined): RecordedEnd {
  if (entry === undefined || addressOf(end) !== entry.address)
    end.refuse('pa', 'the address of the entry at the same place of tables');
  const { address, width } = entry;
  return {
    address,
    width,
    ...recordedFact<Word>(end, 'value', wordOfQuantity),
  };
}

function decodeCpu(cpu: Fields): RecordedCpu {
  const features = cpu.object('features');
  const feature = (key: string): boolean => features.has(key) && features.boolean(key);
  const known = new Set(['maxphyaddr', 'gib_pages', 'pku']);
  const unknown = features.keys().find((key) => !known.has(key));
  if (unknown !== undefined) features.refuse(unknown, 'no such feature');
  return {
    writeProtect: cpu.object('cr0').count('wp', 0, 1) === 1,
    cr4: cr4BitsOf(cpu.object('cr4'), 1),
    noExecute: cpu.object('efer').count('nxe', 0, 1) === 1,
    addressBits: features.count('maxphyaddr', 32, 44),
    gibPages: feature('gib_pages'),
    protectionKeys: feature('pku'),
  };
}

function decodeWrites(one: Fields): RecordedWrites {
  return {
    dwords: dwordsOf(one, 'writes'),
    isLoose: one.has('writesLoose') && one.boolean('writesLoose'),
    disputed: one.has('writesDisputed') ? one.string('writesDisputed') : undefined,
    qemu: one.has('writesQemu') ? dwordsOf(one, 'writesQemu') : undefined,
  };
}

const dwordsOf = (one: Fields, key: string): ReadonlyMap<number, number> =>
  new Map(
    one
      .objects(key, ENTRIES)
      .map((dword) => [addressOf(dword), dword.count('value', 0, 0xffff_ffff)]),
  );
