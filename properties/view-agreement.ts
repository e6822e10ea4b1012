import { CONTROL, Gfn, GrantRef, type DomainId, type Mfn } from '../abi/ids.js';
import type {
  DomainView,
  MappingView,
  Observer,
  PinView,
  VcpuView,
  View,
} from '../abi/observer.js';
import { outstanding, ownedPages, pinsOf } from '../model/derived.js';
import { mayBeLogged, writtenSince } from '../model/log-dirty.js';
import { get } from '../values/keyed.js';
import { entries, has } from './keyed-entries.js';
import { PageId, type Domain, type Page, type State } from '../model/state.js';
import { hexadecimal } from './agreement.js';
import type { Witness } from './frame-rule.js';
import type { Frames } from './frames.js';

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
  // Of the control domain no system shows more than its answers.
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
    is('pages', ownedPages(state, domain.id), actual.pages) ??
    is('outstanding', outstanding(state, domain), actual.outstanding) ??
    is('maximumPages', domain.maximumPages, actual.maximumPages) ??
    (domain.dying ? undefined : is('maximumGfn', domain.maximumGfn, actual.maximumGfn)) ??
    is('grantVersion', domain.grantVersion, actual.grantVersion) ??
    compareEntries(actual, domain, frames) ??
    compareFrames('grantFrames', domain.grantFrames, actual.grantFrames, frames) ??
    compareFrames('statusFrames', domain.statusFrames, actual.statusFrames, frames) ??
    compareFrames('sharedInfo', [domain.sharedInfo], [actual.sharedInfo], frames) ??
    compareMappings(actual.mappings, domain, frames) ??
    comparePins(actual.pins, domain, state, frames) ??
    compareVcpus(actual.vcpus, domain) ??
    compareLog(actual.logged, domain, state)
  );
}

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

function compareFrames(
  path: string,
  pages: readonly PageId[],
  seen: readonly Mfn[],
  frames: Frames,
): Witness | undefined {
  return compareLists(
    path,
    pages,
    seen.map((frame) => frames.pageOf(frame)),
  );
}

function compareMappings(
  actual: readonly MappingView[],
  domain: Domain,
  frames: Frames,
): Witness | undefined {
  // A domain that was crashed by a map never learnt the handles of its last batch: any will do.
  const named = (handle: number): string => (domain.crashed ? '' : `h${handle} `);
  const access = (readonly: boolean): string => (readonly ? 'ro' : 'rw');
  const expected = entries(domain.mappings).map(
    ([handle, { granter, ref, readonly, page }]) =>
      `${named(handle)}d${granter}/${ref} ${access(readonly)} page ${page}`,
  );
  const seen = actual.map(
    ({ handle, granter, ref, readonly, mfn }) =>
      `${named(handle)}d${granter}/${ref} ${access(readonly)} page ${String(frames.pageOf(mfn))}`,
  );
  if (!domain.crashed) return compareLists('mappings', expected, seen);
  return compareLists('mappings', expected.toSorted(), seen.toSorted());
}

/** [G12] Pins are counted by the system and follow from the mappings in the model. */
function comparePins(
  actual: readonly PinView[],
  domain: Domain,
  state: State,
  frames: Frames,
): Witness | undefined {
  const expected = grantsInUse(state, domain.id).map((ref) => {
    const pins = pinsOf(state, domain.id, ref, []);
    // A page may be gone whose handle is the control domain's.
    const page = pins === undefined || !has(state.pages, pins.page) ? undefined : pins.page;
    return `${ref} by d${String(pins?.grantee)} page ${String(page)} \
ro ${String(pins?.readers)} rw ${String(pins?.writers)} \
device ro ${String(pins?.deviceReaders)} rw ${String(pins?.deviceWriters)}`;
  });
  const seen = actual.map(
    ({ ref, grantee, mfn, hostRead, hostWrite, deviceRead, deviceWrite }) =>
      `${ref} by d${grantee} page ${String(frames.pageOf(mfn))} ro ${hostRead} rw ${hostWrite} \
device ro ${deviceRead} rw ${deviceWrite}`,
  );
  return compareLists('pins', expected, seen);
}

/** The refs of a domain that some mapping uses, ascending. */
function grantsInUse(state: State, granter: DomainId): readonly GrantRef[] {
  const refs = new Set<number>();
  for (const [, { mappings }] of entries(state.domains))
    for (const [, mapping] of entries(mappings))
      if (mapping.granter === granter) refs.add(mapping.ref);
  return [...refs].toSorted((a, b) => a - b).map((ref) => GrantRef(ref));
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

function compareLists(
  path: string,
  expected: readonly unknown[],
  actual: readonly unknown[],
): Witness | undefined {
  const same = expected.length === actual.length && expected.every((x, i) => x === actual[i]);
  return same ? undefined : differ(path, '', expected.join(', '), actual.join(', '));
}

const differ = (path: string, place: string, expected: unknown, actual: unknown): Witness => ({
  claim: 'E6',
  path,
  expected: place + String(expected),
  actual: place + String(actual),
});
