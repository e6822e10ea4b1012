/** A recorded case of the tests: one page at linear 0x1000000, mapped by the 2-level table at 0x400000. */
export const caseObject = (steps: readonly object[], rest: object = {}): object => ({
  name: 'one page',
  mode: '2-level',
  cpu: {
    cr0: { wp: 1 },
    cr4: { pse: 0, pge: 0, smep: 0, smap: 0 },
    efer: { nxe: 0 },
    features: { maxphyaddr: 40, gib_pages: true },
  },
  cr3: '0x400000',
  load: { ok: true },
  tables: [
    { pa: '0x400010', value: '0x401007', width: 4 },
    { pa: '0x401000', value: '0x1000007', width: 4 },
  ],
  steps,
  after: [
    { pa: '0x400010', value: '0x401027' },
    { pa: '0x401000', value: '0x1000027' },
  ],
  writes: [],
  ...rest,
});

/** A read of the first dword of the page: the pattern says which page it is. */
export const READ = {
  op: 'read',
  la: '0x1000000',
  size: 4,
  user: 1,
  '=>': { value: '0xcccccc00' },
};

/** The text of a file of recorded walks. */
export const walksText = (...cases: readonly object[]): string =>
  JSON.stringify({ meta: {}, cases });
