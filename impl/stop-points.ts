/**
 * Where the real hypervisor drops a lock, flushes, re-reads guest memory or may be preempted: the
 * only instants at which another processor could be seen. The hook is called there and by default
 * does nothing.
 */
export const stopPoints = {
  'grant.map/element': 'before each element of a map batch but the first (grants.md 5.4)',
  'grant.claim/checked': 'an entry was read and judged, its status bits are not yet set (3.2)',
  'grant.map/pinned': 'the pin is raised, the page references are not yet final (7.1, 10)',
  'grant.unmap/removed': 'a host mapping is gone, its references are still held (5.5)',
  'grant.unmap/flushed': 'a batch of unmaps is flushed, its references go next (5.5)',
  'grant.unmap/batch': 'between two batches of one unmap call (5.4)',
  'grant.copy/element': 'before each element of a copy batch but the first (5.4)',
  'grant.copy/acquired': 'both sides of a copy are held, nothing is copied yet (7.7)',
  'grant.copy/transitive': 'the outer table is unlocked while the inner grant is acquired (T5)',
  'grant.swap/element': 'before each element of a swap batch but the first (5.4)',
  'grant.transfer/element': 'before each element of a transfer batch but the first (5.4)',
  'grant.set_version/wiped': 'the table is wiped, reserved refs are not yet back (7.9, 9)',
  'physmap/extent':
    'before each extent or entry of a memory call but the first, and each run of one on demand',
  'physmap/unhooked': 'the old page of a destination is gone, the new one is not there yet',
  'memory_type/gfn': 'before each gfn of a change of memory types but the first',
  'teardown/slice': 'between two slices of the destruction of a domain (12.2, p2m.md 2.8)',
} as const;

export type StopPoint = keyof typeof stopPoints;
