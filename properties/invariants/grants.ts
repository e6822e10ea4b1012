import { isGrant, pinsOf } from '../../model/derived.js';
import { get } from '../../values/keyed.js';
import { entries, has } from '../keyed-entries.js';
import type { Invariant } from './invariant.js';

export const aMappingHasAGranter: Invariant = {
  id: 'M9',
  name: 'the granter of every mapping exists and its table has the ref',
  why: 'Ending the mapping would have nobody to tell.',
  path: 'mapping.granter',
  *violations({ machine, domains }) {
    for (const [id, { mappings }] of entries(domains))
      for (const [handle, { granter, ref }] of entries(mappings)) {
        const domain = get(domains, granter);
        const perFrame = machine.refsPerFrame / (domain?.grantVersion ?? 1);
        if (domain === undefined || ref >= domain.grantFrames.length * perFrame)
          yield `d${id} handle ${handle} is of d${granter}/${ref}`;
      }
  },
};

export const aGrantIsOnePageForOneDomain: Invariant = {
  id: 'M10',
  name: 'all mappings of one grant are of one page and by one domain',
  why: 'A grant in use would show a second page, or a second domain, that nobody granted.',
  path: 'mapping.grant',
  *violations({ domains }) {
    const uses = new Map<string, string>();
    for (const [id, { mappings }] of entries(domains))
      for (const [, { granter, ref, page }] of entries(mappings)) {
        const grant = `d${granter}/${ref}`;
        const use = `page ${page} by d${id}`;
        const other = uses.get(grant) ?? use;
        if (other !== use) yield `${grant} is ${other} and ${use}`;
        uses.set(grant, other);
      }
  },
};

export const aMappedPageIsTheGranters: Invariant = {
  id: 'M11',
  name: 'a mapped page is owned by its granter',
  why: 'A domain would lend what is not its own.',
  path: 'mapping.owner',
  *violations({ domains, pages }) {
    for (const [id, { mappings }] of entries(domains))
      for (const [handle, { granter, page }] of entries(mappings))
        if (has(pages, page) && get(pages, page)?.owner !== granter)
          yield `d${id} handle ${handle}: page ${page} is not of d${granter}`;
  },
};

export const grantEntriesAreMappings: Invariant = {
  id: 'M12',
  name: 'a grant mapping in a p2m is of a page that the domain has a live handle for',
  why: 'A page would be reached for ever: nothing can end a mapping without a handle.',
  path: 'p2m.handle',
  *violations({ domains }) {
    for (const [id, { p2m, mappings }] of entries(domains)) {
      const mapped = new Set([...entries(mappings)].map(([, { page }]) => page));
      for (const [gfn, { type, page }] of entries(p2m))
        if (isGrant({ type, page }) && !mapped.has(page))
          yield `d${id} gfn ${gfn} maps page ${page} without a handle`;
    }
  },
};

export const pinsAreWithinLimits: Invariant = {
  id: 'M13',
  name: 'no grant is in use more often than a pin counter counts',
  why: 'The counter would wrap, and the grant seem unused.',
  path: 'pin.limit',
  *violations(state) {
    for (const [, { mappings }] of entries(state.domains))
      for (const [, { granter, ref }] of entries(mappings)) {
        const pins = pinsOf(state, granter, ref, []);
        if (Math.max(pins?.readers ?? 0, pins?.writers ?? 0) > state.machine.pinLimit)
          yield `d${granter}/${ref} is in use ${pins?.readers ?? 0} + ${pins?.writers ?? 0} times`;
      }
  },
};
