import type { Machine } from '../../abi/machine.js';

/** How the guests of an episode use their vcpus' paging; mixed where nothing is asked for. */
export const guestModes = ['mixed', 'unpaged', '2-level', 'pae', '4-level'] as const;
export type GuestMode = (typeof guestModes)[number];

/** Guests use paging where the machine is made for it: there each has several vcpus. */
export const usualGuests = ({ vcpus }: Machine): GuestMode | undefined =>
  vcpus > 1 ? 'mixed' : undefined;
