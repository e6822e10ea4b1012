import { Gfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { LogDirty } from '../abi/step.js';
import { isSameContent } from '../values/content.js';
import { entries, findKey, get } from '../values/keyed.js';
import { believedGfn, isGrant, pageOf, withDomain } from './derived.js';
import { guestOf } from './domains.js';
import { finished, rc, refuse, accept, type Alternative, type Objection } from './outcome.js';
import type { Domain, PageId, State } from './state.js';

/** Which gfns of a domain were written (p2m.md 4.17). */

/**
 * [D8] log_dirty: from when it is enabled or cleaned, a log names every gfn whose content is another
 * since. It may name more: a write of what was there before, say; but no gfn above all that ever held
 * something. What was written through a mapping it must name only when that mapping has ended.
 */
export function logDirty(state: State, { domain: id, action }: LogDirty): Alternative {
  const domain = guestOf(state, id);
  if (domain === undefined || domain.dying) return finished(state, refuse(rc('-ESRCH'), 'D8.1'));
  const since = domain.loggedSince;
  if ((since === undefined) !== (action === 'enable'))
    return finished(state, refuse(rc('-EINVAL'), 'D8.2'));

  // Nothing below this line can fail.
  const cleaned = withDomain(state, { ...domain, loggedSince: state });
  if (since === undefined) return finished(state, accept(rc(0), 'D8', cleaned));
  const disabled = withDomain(state, { ...domain, loggedSince: undefined });
  if (action === 'disable') return finished(state, accept(rc(0), 'D8', disabled));

  const gfns = writtenSince(state, domain, since);
  const next = (actual: Reply): State | Objection => {
    const named = new Set(actual.is === 'dirty' ? actual.gfns : []);
    const missing = gfns.find((gfn) => !named.has(gfn));
    if (missing !== undefined) return { objection: `gfn ${missing} was written` };
    const strange = [...named].find((gfn) => !mayBeLogged(domain, gfn));
    if (strange !== undefined) return { objection: `gfn ${strange} never held a page` };
    return action === 'clean' ? cleaned : state;
  };
  return { reply: { is: 'dirty', gfns }, rules: ['D8'], next };
}

/** [D8] A gfn that may have held something since a log was begun. */
export const mayBeLogged = ({ maximumGfn }: Domain, gfn: Gfn): boolean => gfn <= maximumGfn;

/** The gfns that a log begun in an earlier state has to name by now, ascending. */
export function writtenSince(state: State, domain: Domain, since: State): readonly Gfn[] {
  return entries(domain.p2m)
    .map(([gfn]) => Gfn(gfn))
    .filter((gfn) => isChanged(state, domain, since, gfn));
}

/**
 * A gfn of the domain's own memory that nobody else may write any more, and that has another content
 * than it had, or that somebody had mapped writable when the log was begun: what was written before, no
 * log has named.
 */
function isChanged(state: State, domain: Domain, since: State, gfn: Gfn): boolean {
  const entry = get(domain.p2m, gfn);
  if (entry === undefined || isGrant(entry) || isMappedWritable(state, entry.page)) return false;
  // [P6] A write to a page is logged at the gfn where it is believed to be.
  if (believedGfn(domain, entry.page) !== gfn) return false;
  const then = get(get(since.domains, domain.id)?.p2m, gfn);
  if (then?.page !== entry.page || isMappedWritable(since, entry.page)) return true;
  return !isSameContent(pageOf(since, entry.page).content, pageOf(state, entry.page).content);
}

/** Somebody has a writable mapping of the page, or a gfn left of one. */
const isMappedWritable = (state: State, page: PageId): boolean =>
  findKey(
    state.domains,
    ({ mappings, p2m }) =>
      findKey(mappings, (by) => by.page === page && !by.readonly) !== undefined ||
      findKey(p2m, (by) => by.page === page && by.type === 'grant_map_rw') !== undefined,
  ) !== undefined;
