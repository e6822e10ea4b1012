import {
  GNTCOPY_source_gref,
  GNTMAP_readonly,
  GTF_permit_access,
  GTF_transitive,
  GTF_type_mask,
} from '../abi/grant-table.js';
import { DOMID_SELF, GrantRef, type DomainId } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { MapElement, Step, UnmapElement } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { pinsOf } from '../model/derived.js';
import { entryAt } from '../model/entries.js';
import { findKey, get } from '../values/keyed.js';
import { has } from './keyed-entries.js';
import type { Mapping, State } from '../model/state.js';
import type { Goal } from './goals.js';

/** An element of a batch of maps that was okay, in the state before the batch. */
type MapTest = (before: State, caller: DomainId, element: MapElement, after: State) => boolean;

const anyMap =
  (test: MapTest): Goal['reached'] =>
  (before, step, reply, after) =>
    step.op === 'map' &&
    step.elements.some(
      (element, i) => isOkay(reply, i) && test(before, step.caller, element, after),
    );

type UnmapTest = (
  before: State,
  caller: DomainId,
  element: UnmapElement,
  mapping: Mapping,
  after: State,
) => boolean;

const anyUnmap =
  (test: UnmapTest): Goal['reached'] =>
  (before, step, reply, after) =>
    step.op === 'unmap' &&
    step.elements.some((element, i) => {
      const mapping = get(get(before.domains, step.caller)?.mappings, element.handle);
      return (
        mapping !== undefined &&
        element.address !== 0 &&
        isOkay(reply, i) &&
        test(before, step.caller, element, mapping, after)
      );
    });

const statusOf = (reply: Reply, element: number): ElementReply['status'] | undefined =>
  reply.is === 'statuses' ? reply.elements[element]?.status : undefined;
const isOkay = (reply: Reply, element: number): boolean => statusOf(reply, element) === 'okay';
const pinned = (state: State, granter: DomainId, ref: GrantRef) => pinsOf(state, granter, ref, []);

const typeAt = (state: State, granter: DomainId, ref: GrantRef): number | undefined => {
  const domain = get(state.domains, granter);
  return domain === undefined || ref >= 0x1_0000
    ? undefined
    : entryAt(state, domain, ref).flags & GTF_type_mask;
};

export const grantGoals: readonly Goal[] = [
  {
    id: 'S1',
    sentence: 'a grant in use for reading is mapped for writing',
    operations: ['map'],
    reached: anyMap((before, _caller, { granter, ref, flags }) => {
      const pins = pinned(before, granter, ref);
      return pins !== undefined && pins.writers === 0 && (flags & GNTMAP_readonly) === 0;
    }),
  },
  {
    id: 'S2',
    sentence: 'a grant is mapped again though its entry was withdrawn while it was in use',
    operations: ['map'],
    reached: anyMap(
      (before, _caller, { granter, ref }) =>
        pinned(before, granter, ref) !== undefined &&
        typeAt(before, granter, ref) !== GTF_permit_access,
    ),
  },
  {
    id: 'S3',
    sentence: 'an unmap ends a mapping at the gfn of another handle',
    operations: ['unmap'],
    reached: anyUnmap((before, caller, element, mapping, after) => {
      const gfn = Math.floor(element.address / PAGE_BYTES);
      const type = get(get(before.domains, caller)?.p2m, gfn)?.type;
      return type === (mapping.readonly ? 'grant_map_rw' : 'grant_map_ro') && after !== before;
    }),
  },
  {
    id: 'S4',
    sentence: 'a pin counter is full and a map is refused for it',
    operations: ['map'],
    reached: (before, step, reply) =>
      step.op === 'map' &&
      step.elements.some(({ granter, ref }, i) => {
        if (statusOf(reply, i) !== 'general_error') return false;
        const pins = pinned(before, granter, ref);
        const { pinLimit } = before.machine;
        return pins !== undefined && (pins.readers >= pinLimit || pins.writers >= pinLimit);
      }),
  },
  {
    id: 'S5',
    sentence: 'no handle is left for a map',
    operations: ['map'],
    reached: (_before, step, reply) =>
      step.op === 'map' && step.elements.some((_, i) => statusOf(reply, i) === 'no_space'),
  },
  {
    id: 'S6',
    sentence: 'a frame of a grant table is mapped by another domain',
    operations: ['map'],
    reached: mapsUse('grant_frame'),
  },
  {
    id: 'S7',
    sentence: 'a status frame is mapped by another domain',
    operations: ['map'],
    reached: mapsUse('status_frame'),
  },
  {
    id: 'S8',
    sentence: 'a domain maps a page of its own, which thereby moves',
    operations: ['map'],
    reached: anyMap((_before, caller, { granter }) => granter === caller),
  },
  {
    id: 'S9',
    sentence: 'a mapping is put over RAM, which loses its gfn',
    operations: ['map'],
    reached: anyMap((before, caller, { address }) =>
      has(get(before.domains, caller)?.p2m, Math.floor(address / PAGE_BYTES)),
    ),
  },
  {
    id: 'S10',
    sentence: 'a grant in use of a dying granter is mapped once more',
    operations: ['map'],
    reached: anyMap((before, _caller, { granter }) => get(before.domains, granter)?.dying === true),
  },
  {
    id: 'S11',
    sentence: 'a dying domain vanishes at the last unmap of its pages',
    operations: ['unmap'],
    reached: (before, _step, _reply, after) =>
      before.domains !== after.domains &&
      findKey(before.domains, (domain, id) => domain.dying && !has(after.domains, id)) !==
        undefined,
  },
  {
    id: 'S12',
    sentence: 'a copy goes through a transitive grant',
    operations: ['copy'],
    reached: (before, step, reply) =>
      step.op === 'copy' &&
      step.elements.some(
        ({ source, flags }, i) =>
          isOkay(reply, i) &&
          (flags & GNTCOPY_source_gref) !== 0 &&
          source.domain !== DOMID_SELF &&
          typeAt(before, source.domain, GrantRef(source.at)) === GTF_transitive,
      ),
  },
  {
    id: 'S13',
    sentence: 'a copy is refused because it leaves the window of a sub-page grant',
    operations: ['copy'],
    reached: (_before, step, reply) =>
      step.op === 'copy' &&
      step.elements.some(
        ({ source, dest, length }, i) =>
          statusOf(reply, i) === 'general_error' &&
          length > 0 &&
          source.offset + length <= PAGE_BYTES &&
          dest.offset + length <= PAGE_BYTES,
      ),
  },
  {
    id: 'S14',
    sentence: 'a version is chosen while a reserved ref is in use',
    operations: ['set_version'],
    reached: (before, step, reply) =>
      step.op === 'set_version' &&
      reply.is === 'version' &&
      reply.rc === 0 &&
      get(before.domains, step.caller)?.grantVersion !== step.version &&
      findKey(
        before.domains,
        ({ mappings }) => findKey(mappings, ({ granter }) => granter === step.caller) !== undefined,
      ) !== undefined,
  },
  {
    id: 'S15',
    sentence: 'a version is refused because a ref is in use',
    operations: ['set_version'],
    reached: (_before, _step, reply) => reply.is === 'version' && reply.rc === '-EBUSY',
  },
  {
    id: 'S16',
    sentence: 'going back to version 1 crashes a domain whose status frame is held',
    operations: ['set_version'],
    reached: (_before, step: Step, reply) => step.op === 'set_version' && reply.is === 'crashed',
  },
  {
    id: 'S17',
    sentence: 'mapping over a grant mapping crashes the caller',
    operations: ['map'],
    reached: (_before, _step, reply) => reply.is === 'crashed',
  },
];

function mapsUse(use: 'grant_frame' | 'status_frame'): Goal['reached'] {
  return anyMap((_before, caller, { address }, after) => {
    const entry = get(get(after.domains, caller)?.p2m, Math.floor(address / PAGE_BYTES));
    return entry !== undefined && get(after.pages, entry.page)?.use === use;
  });
}
