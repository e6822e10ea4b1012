import { CR0_AT_START, CR0_PG, CR0_WP, PTE_P, PTE_RW, PTE_US } from '../../abi/control.js';
import { GTF_permit_access, GTF_readonly } from '../../abi/grant-table.js';
import { FIRST_VCPU } from '../../abi/ids.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { presets, type Machine } from '../../abi/machine.js';
import { defaultBoot } from '../walker.js';
import type { Bound } from './bound.js';
import { grantActs, type GrantWords } from './grant-acts.js';
import { entry, PAGING_GUEST, pagingActs, TABLE_FLAGS, type PagingWords } from './paging-acts.js';

const permits = GTF_permit_access;
const readonly = GTF_permit_access | GTF_readonly;

/** Two guests that lend each other pages; all there is to say of one is true of the other. */
function ofGrants(name: string, sentence: string, words: GrantWords): Bound {
  const { tiny } = presets;
  const ram = [{ gfn: words.ram[0] ?? 1, count: words.ram.length }];
  const machine = {
    ...tiny,
    guestFrames: words.frames,
    defaults: { ...tiny.defaults, ram, maximumPages: words.pages },
  };
  return {
    name,
    sentence,
    machine,
    boot: defaultBoot(machine),
    opening: [],
    acts: grantActs(words),
    symmetry: { domains: true, gfns: [[...words.ram, ...words.holes]], refs: [words.refs] },
  };
}

/** One guest with page tables of its own, whose paging is on from the start. */
function ofPaging(name: string, sentence: string, words: PagingWords): Bound {
  const { tiny } = presets;
  const ram = [{ gfn: 1, count: 2 + words.pages.length }];
  const machine: Machine = {
    ...tiny,
    domains: 1,
    paging: 'shadow',
    defaults: { ...tiny.defaults, ram, maximumPages: 2 + words.pages.length },
  };
  const by = { caller: PAGING_GUEST, vcpu: FIRST_VCPU };
  return {
    name,
    sentence,
    machine,
    boot: defaultBoot(machine),
    opening: [
      entry(words.upper, TABLE_FLAGS, words.lower),
      { op: 'cr3', ...by, value: { low: words.upper * PAGE_BYTES, high: 0 } },
      { op: 'cr0', ...by, value: (CR0_AT_START | CR0_PG | CR0_WP) >>> 0 },
    ],
    acts: pagingActs(words),
    symmetry: { domains: false, gfns: [], refs: [] },
  };
}

/** Everything that can be explored, by name. */
export const bounds: readonly Bound[] = [
  ofGrants('loan', 'a page of one domain is granted, mapped and unmapped by the other', {
    operations: ['grant', 'map', 'unmap', 'destroy'],
    refs: [1],
    ram: [1],
    holes: [2],
    flags: [permits, readonly],
    frames: 2,
    pages: 1,
  }),
  ofGrants('grants', 'two domains grant, map, copy and unmap pages that come and go', {
    operations: [
      'grant',
      'map',
      'unmap',
      'copy',
      'populate',
      'decrease',
      'add_to_physmap',
      'destroy',
    ],
    refs: [1],
    ram: [1],
    holes: [2],
    flags: [permits, readonly],
    frames: 2,
    pages: 2,
  }),
  ofGrants('contents', 'two grants at a time, and stores and copies through them', {
    operations: ['grant', 'map', 'unmap', 'store', 'copy', 'decrease'],
    refs: [1, 2],
    ram: [1],
    holes: [2],
    flags: [permits, readonly],
    frames: 2,
    pages: 1,
  }),
  ofPaging('shadows', 'a guest edits its page tables, goes through them, and is slow to forget', {
    operations: ['leaf', 'table', 'load', 'store', 'flush', 'invlpg', 'decrease', 'populate'],
    upper: 1,
    lower: 2,
    pages: [3],
    leaves: [PTE_P | PTE_US, PTE_P | PTE_RW | PTE_US],
  }),
];
