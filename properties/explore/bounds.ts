import { GTF_permit_access, GTF_readonly } from '../../abi/grant-table.js';
import { presets } from '../../abi/machine.js';
import { defaultBoot } from '../walker.js';
import type { Bound } from './bound.js';
import { grantActs, type GrantWords } from './grant-acts.js';

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
  ofGrants('loans', 'two refs', {
    operations: ['grant', 'map', 'unmap', 'store', 'copy'],
    refs: [1, 2],
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
    frames: 3,
    pages: 2,
  }),
];
