import { Gfn } from '../../abi/ids.js';
import type { GrantLine } from '../../abi/program.js';
import type { Rewrite } from './rewrite-numbers.js';

/** A line about a grant entry with every number replaced, as `rewriteLine` does it, but for who writes it. */
export function rewriteGrant(line: GrantLine, by: Rewrite): GrantLine {
  const { caller, detail } = line;
  return {
    ...line,
    ref: by.ref(line.ref, caller),
    table: by.gfn(line.table, caller),
    flags: by.number(line.flags, 'flags'),
    to: by.domain(line.to),
    frame: by.gfn(Gfn(line.frame), caller),
    detail:
      detail.is === 'sub_page'
        ? {
            is: 'sub_page',
            offset: by.number(detail.offset, 'offset'),
            length: by.number(detail.length, 'length'),
          }
        : detail.is === 'transitive'
          ? {
              is: 'transitive',
              domain: by.domain(detail.domain),
              ref: by.ref(detail.ref, detail.domain),
            }
          : detail,
  };
}
