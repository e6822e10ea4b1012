import { CONTROL, Gfn, type Mfn } from '../abi/ids.js';
import type { DemandView, DomainView, Observer, VcpuView, View } from '../abi/observer.js';
import { fallible } from '../abi/step.js';
import { outstanding } from '../model/derived.js';
import { mayBeLogged, writtenSince } from '../model/log-dirty.js';
import { get } from '../values/keyed.js';
import { entries } from './keyed-entries.js';
import { PageId, type Domain, type Page, type State } from '../model/state.js';
import { hexadecimal } from './agreement.js';
import type { Witness } from './frame-rule.js';
import type { Frames } from './frames.js';
import { compareLists, differ } from './view-differences.js';
import { controlDifference, sharerDifference } from './view-of-sharers.js';

/**
 * [E6] Compares all that can be seen of the system with the model's state, contents of pages
 * included, and answers with the first difference. Pages are compared by way of their frames, so a
 * page that no entry, mapping or table leads to is compared only once its frame is known.
 */
export function viewDifference(
  view: View,
  observer: Observer,
  state: State,
  frames: Frames,
): Witness | undefined {
  const seen = view.domains.map(({ domain }) => domain).toSorted((a, b) => a - b);
  const present = entries(state.domains)
    .map(([id]) => id)
    .filter((id) => id !== CONTROL);
  const difference = compareLists('domains', present, seen);
  if (difference !== undefined) return difference;
  for (const actual of view.domains) {
    const domain = get(state.domains, actual.domain);
    if (domain === undefined) continue;
    const found = domainDifference(actual, domain, state, frames);
    if (found !== undefined) return found;
  }
  const control = get(state.domains, CONTROL);
  const inControl =
    control === undefined ? undefined : controlDifference(view.control, control, state, frames);
  if (inControl !== undefined) return inControl;
  for (const what of fallible)
    if (state.failing[what] !== view.failing[what])
      return differ(`failing.${what}`, '', state.failing[what], view.failing[what]);
  for (const [page, { content }] of entries(state.pages)) {
    const found = contentDifference(observer, frames.frameOf(PageId(page)), content);
    if (found !== undefined) return found;
  }
  return undefined;
}

function domainDifference(
  actual: DomainView,
  domain: Domain,
  state: State,
  frames: Frames,
): Witness | undefined {
  const is = (path: string, expected: unknown, was: unknown): Witness | undefined =>
    expected === was ? undefined : differ(path, `d${domain.id}: `, expected, was);
  return (
    is('life', lifeOf(domain), actual.life) ??
    is('pauses', domain.pauses, actual.pauses) ??
    is('outstanding', outstanding(state, domain), actual.outstanding) ??
    is('maximumPages', domain.maximumPages, actual.maximumPages) ??
    (domain.dying ? undefined : is('maximumGfn', domain.maximumGfn, actual.maximumGfn)) ??
    compareEntries(actual, domain, frames) ??
    sharerDifference(actual, domain, state, frames) ??
    compareDemand(actual.demand, domain, frames) ??
    compareVcpus(actual.vcpus, domain) ??
    compareLog(actual.logged, domain, state)
  );
}

/**
 * [P15] The pages that are kept, in the order in which they will go, as far as their frames are known, and
 * where the last ones went. Where a search for more goes on is not compared: it may have been cut short.
 */
function compareDemand(actual: DemandView, domain: Domain, frames: Frames): Witness | undefined {
  if (domain.dying) return undefined;
  const kept = actual.kept.map((mfn, i) => {
    const page = frames.pageOf(mfn);
    // A page that nobody could see yet has a frame that nobody knows.
    return page === undefined && frames.frameOf(domain.kept[i] ?? NO_PAGE) === undefined
      ? domain.kept[i]
      : page;
  });
  return (
    compareLists('demand.kept', domain.kept, kept) ??
    compareLists('demand.recent', domain.demands, actual.recent) ??
    compareLists('demand.highest', [domain.highestDemand], [actual.highest])
  );
}

const NO_PAGE = PageId(-1);

/** [D8] There is a log or not, and it names what it has to; it may name more, of what was ever used. */
function compareLog(
  logged: readonly Gfn[] | undefined,
  domain: Domain,
  state: State,
): Witness | undefined {
  const since = domain.loggedSince;
  if (domain.dying) return undefined;
  if (since === undefined || logged === undefined)
    return (since === undefined) === (logged === undefined)
      ? undefined
      : differ('logged', `d${domain.id}: `, since !== undefined, logged !== undefined);
  const missing = writtenSince(state, domain, since).find((gfn) => !logged.includes(gfn));
  if (missing !== undefined)
    return differ(
      'logged',
      `d${domain.id} gfn 0x${missing.toString(16)}: `,
      'logged',
      'not logged',
    );
  const strange = logged.find((gfn) => !mayBeLogged(domain, gfn));
  return strange === undefined
    ? undefined
    : differ('logged', `d${domain.id} gfn 0x${strange.toString(16)}: `, 'never used', 'logged');
}

function compareVcpus(seen: readonly VcpuView[], { id, vcpus }: Domain): Witness | undefined {
  const count = compareLists('vcpus', [...vcpus.keys()], [...seen.keys()]);
  if (count !== undefined) return count;
  for (const [index, vcpu] of vcpus.entries()) {
    const actual = seen[index];
    if (actual === undefined) continue;
    const { pdptes } = vcpu;
    for (const register of ['cr0', 'cr4', 'efer', 'pkru'] as const)
      if (vcpu[register] !== actual[register])
        return differ(`vcpu.${register}`, `d${id}.${index} `, vcpu[register], actual[register]);
    const words = [vcpu.cr3, ...pdptes].map(hexadecimal);
    const found = compareLists(
      'vcpu.tables',
      words,
      [actual.cr3, ...actual.pdptes].map(hexadecimal),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

const lifeOf = ({ dying, crashed }: Domain): DomainView['life'] =>
  dying ? 'dying' : crashed ? 'crashed' : 'alive';

const GAP = { type: 'populate_on_demand' } as const;

function compareEntries(actual: DomainView, domain: Domain, frames: Frames): Witness | undefined {
  const gaps = domain.tornDown ? [] : entries(domain.onDemand).map(([gfn]) => [gfn, GAP] as const);
  const expected = [...entries(domain.p2m), ...gaps].toSorted(([a], [b]) => a - b);
  const gfns = compareLists(
    'p2m.gfns',
    expected.map(([gfn]) => gfn),
    actual.p2m.map(({ gfn }) => gfn),
  );
  if (gfns !== undefined) return gfns;
  for (const [index, [gfn, entry]] of expected.entries()) {
    const seen = actual.p2m[index];
    if (seen === undefined) continue;
    const place = `d${domain.id} gfn 0x${Gfn(gfn).toString(16)}: `;
    if (seen.type !== entry.type) return differ('p2m.type', place, entry.type, seen.type);
    const page = frames.pageOf(seen.mfn);
    if ('page' in entry && page !== entry.page) return differ('p2m.frame', place, entry.page, page);
  }
  return undefined;
}

function contentDifference(
  observer: Observer,
  frame: Mfn | undefined,
  content: Page['content'],
): Witness | undefined {
  if (frame === undefined) return undefined;
  for (let run = 0; run < 32; run++) {
    const words = content?.[run];
    for (let i = 0; i < 32; i++) {
      const actual = observer.wordOf(frame, run * 32 + i);
      const expected = words === undefined ? 0 : words[i];
      if (actual !== expected)
        return differ('frame.content', `frame ${frame} word ${run * 32 + i}: `, expected, actual);
    }
  }
  return undefined;
}
