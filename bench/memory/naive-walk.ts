import { PAGE_BYTES } from '../../abi/word.js';
import { LOADS, NEXT_PAGE, SPAN_BYTES } from './pattern.js';

const PRESENT = 0x1;
const ENTRY_WORDS = 2;
const PAGE_WORDS = PAGE_BYTES / 4;
const INDEX_MASK = 0x1ff;
const TABLES = 4;

/**
 * What a walk of four levels costs that knows nothing but P: no rights, no reserved bits, no marks,
 * no TLB. Its memory is one array: four tables, then 1 MiB of data.
 */
export class NaiveWalk {
  readonly #words = new Uint32Array(SPAN_BYTES / 4 + TABLES * PAGE_WORDS);

  constructor() {
    for (let table = 0; table < TABLES - 1; table += 1) {
      this.#words[table * PAGE_WORDS] = ((table + 1) * PAGE_BYTES) | PRESENT;
    }
    for (let page = 0; page < SPAN_BYTES / PAGE_BYTES; page += 1) {
      const entry = (TABLES - 1) * PAGE_WORDS + page * ENTRY_WORDS;
      this.#words[entry] = ((TABLES + page) * PAGE_BYTES) | PRESENT;
    }
    for (let load = 0; load < LOADS; load += 1) {
      this.#words[TABLES * PAGE_WORDS + ((load * NEXT_PAGE) >>> 2)] = load;
    }
  }

  read(passes: number): number {
    const words = this.#words;
    const [loads, stride] = [LOADS, NEXT_PAGE];
    let sum = 0;
    for (let pass = 0; pass < passes; pass += 1) {
      let address = 0;
      for (let load = 0; load < loads; load += 1) {
        sum = (sum + (words[this.#translate(0, address) >>> 2] ?? 0)) | 0;
        address = (address + stride) | 0;
      }
    }
    return sum;
  }

  #translate(high: number, low: number): number {
    let table = this.#next(0, (high >>> 7) & INDEX_MASK);
    table = this.#next(table, ((high << 2) | (low >>> 30)) & INDEX_MASK);
    table = this.#next(table, (low >>> 21) & INDEX_MASK);
    return this.#next(table, (low >>> 12) & INDEX_MASK) + (low & (PAGE_BYTES - 1));
  }

  #next(table: number, index: number): number {
    const entry = this.#words[(table >>> 2) + index * ENTRY_WORDS] ?? 0;
    if ((entry & PRESENT) === 0) throw new Error('nothing is there');
    return entry & ~(PAGE_BYTES - 1);
  }
}
