/** How the guests of an episode use their vcpus' paging; mixed where nothing is asked for. */
export const guestModes = ['mixed', 'unpaged', '2-level', 'pae', '4-level'] as const;
export type GuestMode = (typeof guestModes)[number];
