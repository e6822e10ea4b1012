import { GrantRef, type DomainId, type Mfn } from '../abi/ids.js';
import type {
  CallView,
  ControlView,
  MappingView,
  PinView,
  SharerView,
  WindowView,
} from '../abi/observer.js';
import { ownedPages, pinsOf } from '../model/derived.js';
import type { Domain, Mapping, PageId, State, Vcpu } from '../model/state.js';
import type { Witness } from './frame-rule.js';
import type { Frames } from './frames.js';
import { entries, has } from './keyed-entries.js';
import { compareLists, differ } from './view-differences.js';

/** [E6] What guests and the control domain have alike: their tables, what they map, their calls. */
export function sharerDifference(
  actual: SharerView,
  domain: Domain,
  state: State,
  frames: Frames,
): Witness | undefined {
  const place = `d${domain.id}: `;
  const owned = ownedPages(state, domain.id);
  if (owned !== actual.pages) return differ('pages', place, owned, actual.pages);
  if (domain.grantVersion !== actual.grantVersion)
    return differ('grantVersion', place, domain.grantVersion, actual.grantVersion);
  return (
    compareFrames('grantFrames', domain.grantFrames, actual.grantFrames, frames) ??
    compareFrames('statusFrames', domain.statusFrames, actual.statusFrames, frames) ??
    compareFrames('sharedInfo', [domain.sharedInfo], [actual.sharedInfo], frames) ??
    compareMappings(actual.mappings, domain, state, frames) ??
    comparePins(actual.pins, domain, state, frames) ??
    compareCalls(actual.calls, domain)
  );
}

/** [E6] [H1] The control domain's page tables lead where the spec says. */
export function controlDifference(
  actual: ControlView,
  domain: Domain,
  state: State,
  frames: Frames,
): Witness | undefined {
  const inWindow = (window: number, readonly: boolean, page: unknown): string =>
    `w${window} ${accessOf({ readonly })} page ${String(page)}`;
  const expected = entries(state.windows).map(([window, { page, readonly }]) =>
    inWindow(window, readonly, page),
  );
  const seen = actual.windows.map(({ window, mfn, readonly }: WindowView) =>
    inWindow(window, readonly, frames.pageOf(mfn)),
  );
  return sharerDifference(actual, domain, state, frames) ?? compareLists('windows', expected, seen);
}

/**
 * [B1] [B2] Which vcpus are to stop, and which calls were stopped where. What is left of a call in memory
 * is in its registers; of others the spec keeps the rest, and a system may keep the whole.
 */
function compareCalls(seen: readonly CallView[], { id, vcpus }: Domain): Witness | undefined {
  return compareLists(
    'calls',
    vcpus.map(({ interrupt, pending }, vcpu) => callInWords(`d${id}.${vcpu}`, interrupt, pending)),
    seen.map(({ limit, stopped }, vcpu) => callInWords(`d${id}.${vcpu}`, limit, stopped)),
  );
}

const callInWords = (place: string, limit: Vcpu['interrupt'], stopped: Vcpu['pending']): string => {
  if (stopped === undefined) return `${place} stops after ${String(limit)}`;
  const { call, done } = stopped;
  const rest = call.op === 'hypercall' ? JSON.stringify(call) : `${call.op} after ${done}`;
  return `${place} stops after ${String(limit)}, is in ${rest}`;
};

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

const accessOf = ({ readonly }: Pick<Mapping, 'readonly'>): string => (readonly ? 'ro' : 'rw');

const inWords = (mapping: Omit<MappingView, 'handle' | 'mfn'>): string =>
  [
    `d${mapping.granter}/${mapping.ref} ${accessOf(mapping)}`,
    ...(mapping.host ? [] : ['not in memory']),
    ...(mapping.device ? ['for devices'] : []),
    ...(mapping.byEntry ? ['by entry'] : []),
  ].join(' ');

/** The page of a host mapping of the control domain can be gone, if its window was emptied. */
function compareMappings(
  actual: readonly MappingView[],
  domain: Domain,
  { pages }: State,
  frames: Frames,
): Witness | undefined {
  // A domain that was crashed by a map never learnt the handles of its last batch: any will do.
  const named = (handle: number): string => (domain.crashed ? '' : `h${handle} `);
  const expected = entries(domain.mappings).map(
    ([handle, mapping]) =>
      `${named(handle)}${inWords(mapping)} page ${has(pages, mapping.page) ? mapping.page : 'gone'}`,
  );
  const seen = actual.map(
    (mapping) =>
      `${named(mapping.handle)}${inWords(mapping)} page ${frames.pageOf(mapping.mfn) ?? 'gone'}`,
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
