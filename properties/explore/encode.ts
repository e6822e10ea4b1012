import { VcpuId } from '../../abi/ids.js';
import type { Word } from '../../abi/word.js';
import type { State } from '../../model/state.js';
import { forEach } from '../../values/keyed.js';
import { entries } from '../keyed-entries.js';
import { beliefsBy, pageAt, type Numbering } from './numbering.js';
import type { Part } from './parts.js';
import { pastKey } from './past.js';
import { domainBy, type Renaming } from './renaming.js';

const uses = ['ram', 'grant_frame', 'status_frame', 'shared_info'];
const NONE = 0xffff;
const END = 0xfffe;

/**
 * A state but for the contents of its pages, as a text of 16-bit numbers: two states have the same text
 * exactly if they are the same under the names given. The machine and the next page's name are left
 * out: the one never changes, the other follows from the pages.
 */
export function encoded(
  state: State,
  by: Renaming,
  parts: readonly Part[],
  numbering: Numbering,
  linears: readonly Word[],
): string {
  const out: number[] = [];
  for (let number = 0; number < numbering.pages.length; number++) {
    const page = pageAt(state, numbering, number);
    if (page?.frame !== undefined) throw new Error('a page here has no machine frame');
    if (page === undefined) out.push(NONE);
    else out.push(domainBy(by, page.owner), uses.indexOf(page.use) * 2 + Number(page.allocated));
  }
  const { page, table, grant_frame: frame, entry } = state.failing;
  out.push(END, page, table, frame, entry, state.search);
  forEach(state.windows, (window, at) => {
    out.push(at, Number(window.readonly), numbering.numberOf.get(window.page) ?? NONE);
  });
  out.push(END);
  let texts = '';
  for (const part of parts) {
    texts += part.text;
    for (const id of part.places) out.push(numbering.numberOf.get(id) ?? NONE);
    for (const id of part.holds)
      out.push(id === undefined ? NONE : (numbering.numberOf.get(id) ?? NONE));
    for (const [number, gfn] of beliefsBy(part, numbering)) out.push(number, Math.min(gfn, NONE));
    out.push(END);
  }
  return texts + String.fromCharCode(...out) + pasts(state, by, linears);
}

function pasts(state: State, by: Renaming, linears: readonly Word[]): string {
  if (linears.length === 0) return '';
  return entries(state.domains)
    .map(([, domain]) => domain)
    .toSorted((a, b) => domainBy(by, a.id) - domainBy(by, b.id))
    .flatMap(({ id, vcpus }) => vcpus.map((_, vcpu) => pastKey(state, id, VcpuId(vcpu), linears)))
    .join('');
}
