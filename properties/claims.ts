/** What the harness claims about every run, by id. `[E1]` is the project's main sentence. */
export const claims = {
  E1: 'impl answers every program as the model does',
  E2: 'impl with each optimisation off answers as with all on',
  E3: 'the p2m entries that a step writes are the ones that the model changes',
  E4: 'the bytes that a step writes are the ones that the model changes',
  E5: 'a page is one machine frame for as long as it lives, and no other page is',
  E6: 'everything that could be seen of the system is as in the model',
  E7: 'from everywhere, undoing all mappings and destroying all domains leaves nothing',
} as const satisfies Readonly<Record<string, string>>;

export type ClaimId = keyof typeof claims;
