import type { Machine } from '../../abi/machine.js';
import { withWord, wordAt, zeros, type Content } from '../../values/content.js';
import { domainBy, gfnBy, refBy, type Renaming } from './renaming.js';

/**
 * A frame of a domain's grant table, version 1, under other names: each entry at its new ref, for the new
 * domain, of the new gfn. Ref 0, gfn 0 and domain 0 are nobody's, so an empty entry stays one.
 */
export function renamedTable(
  content: Content,
  of: number,
  by: Renaming,
  { refsPerFrame }: Machine,
): Content {
  let renamed = zeros;
  for (let ref = 0; ref < refsPerFrame; ref++) {
    const head = wordAt(content, 2 * ref);
    const frame = wordAt(content, 2 * ref + 1);
    if (head === 0 && frame === 0) continue;
    const to = domainBy(by, head >>> 16);
    const at = 2 * refBy(by, of, ref);
    renamed = withWord(renamed, at, (head & 0xffff) + to * 0x1_0000);
    renamed = withWord(renamed, at + 1, gfnBy(by, of, frame));
  }
  return renamed;
}
