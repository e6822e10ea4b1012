import { CR4_PGE, CR4_PKE, CR4_PSE, CR4_SMAP, CR4_SMEP } from '../../abi/control.js';
import type { Fields } from '../recordings/fields.js';

const named: ReadonlyMap<string, number> = new Map([
  ['pse', CR4_PSE],
  ['pge', CR4_PGE],
  ['smep', CR4_SMEP],
  ['smap', CR4_SMAP],
  ['pke', CR4_PKE],
]);

/** The bits of CR4 that are listed with this value. */
export const cr4BitsOf = (bits: Fields, value: 0 | 1): number =>
  bits
    .keys()
    .filter((key) => bits.count(key, 0, 1) === value)
    .reduce((sum, key) => sum | (named.get(key) ?? bits.refuse(key, 'a bit of CR4')), 0);
