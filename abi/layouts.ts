/**
 * How hypercalls are numbered, and where the fields of their arguments are in memory (grants.md 6):
 * little endian, for guests of 64 bits (native) and of 32 bits (compat). No behaviour.
 */
export const layouts = ['native', 'compat'] as const;
export type Layout = (typeof layouts)[number];

export const HYPERVISOR_memory_op = 12;
export const HYPERVISOR_grant_table_op = 20;

export const GNTTABOP_map_grant_ref = 0;
export const GNTTABOP_unmap_grant_ref = 1;
export const GNTTABOP_setup_table = 2;
export const GNTTABOP_copy = 5;
export const GNTTABOP_query_size = 6;
export const GNTTABOP_set_version = 8;
export const GNTTABOP_get_version = 10;
export const GNTTABOP_swap_grant_ref = 11;

export const XENMEM_increase_reservation = 0;
export const XENMEM_decrease_reservation = 1;
export const XENMEM_current_reservation = 3;
export const XENMEM_maximum_reservation = 4;
export const XENMEM_populate_physmap = 6;
export const XENMEM_add_to_physmap = 7;
export const XENMEM_exchange = 11;
export const XENMEM_maximum_gpfn = 14;
export const XENMEM_remove_from_physmap = 15;
export const XENMEM_add_to_physmap_batch = 23;
/** Of a memory command: below it the operation, from it on the first extent to do. */
export const MEMOP_EXTENT_SHIFT = 6;

/** A count with its highest bit set is negative. */
export const COUNT_MAXIMUM = 0x7fff_ffff;
/** So many extents a reservation may have at most. */
export const EXTENTS_MAXIMUM = 0x3ff_ffff;
/** The first extent of add_to_physmap and its batch is a number of 16 bits. */
export const PHYSMAP_START_MAXIMUM = 0xffff;
/** Of `mem_flags`: the address bits that fresh pages may have; 1 to 12 are no pages at all. */
export const XENMEMF_address_bits = 0xff;
export const ADDRESS_BITS_OF_A_PAGE = 12;
/** The machine has no free page with an address of so few bits: the lowest of it is Xen's own. */
export const ADDRESS_BITS_WITHOUT_MEMORY = 20;
/** Of `mem_flags`: gfns are only to be populated on demand. */
export const XENMEMF_populate_on_demand = 0x1_0000;
/** Of `mem_flags`: a node in bits 8 to 15, and that it is to be that one; not looked at with the third. */
export const XENMEMF_node = 0xff00;
export const XENMEMF_exact_node_request = 0x2_0000;
export const XENMEMF_vnode = 0x4_0000;
/** No extent has a higher order. */
export const ORDER_MAXIMUM = 20;

/** A field: its first byte, and how many there are. */
export type Field = readonly [at: number, bytes: 2 | 4 | 8];

const map = {
  bytes: 32,
  address: [0, 8],
  flags: [8, 4],
  ref: [12, 4],
  granter: [16, 2],
  status: [18, 2],
  handle: [20, 4],
  busAddress: [24, 8],
} as const;
const unmap = {
  bytes: 24,
  address: [0, 8],
  busAddress: [8, 8],
  handle: [16, 4],
  status: [20, 2],
} as const;
const querySize = {
  bytes: 16,
  domain: [0, 2],
  frames: [4, 4],
  maximum: [8, 4],
  status: [12, 2],
} as const;
const setVersion = { bytes: 4, version: [0, 4] } as const;
const getVersion = { bytes: 8, domain: [0, 2], version: [4, 4] } as const;
const swap = { bytes: 12, first: [0, 4], second: [4, 4], status: [8, 2] } as const;
const same = {
  map,
  unmap,
  querySize,
  setVersion,
  getVersion,
  swap,
  domain: { bytes: 2, id: [0, 2] },
} as const;

/** The argument of each operation: an element of a batch, or all there is. */
export const structures = {
  native: {
    ...same,
    /** A frame number in a list of its own. */
    frame: { bytes: 8, number: [0, 8] },
    error: { bytes: 4, number: [0, 4] },
    setupTable: { bytes: 24, domain: [0, 2], frames: [4, 4], status: [8, 2], list: [16, 8] },
    copy: {
      bytes: 40,
      sourceRef: [0, 4],
      sourceGfn: [0, 8],
      sourceDomain: [8, 2],
      sourceOffset: [10, 2],
      destRef: [16, 4],
      destGfn: [16, 8],
      destDomain: [24, 2],
      destOffset: [26, 2],
      length: [32, 2],
      flags: [34, 2],
      status: [36, 2],
    },
    reservation: {
      bytes: 32,
      extents: [0, 8],
      count: [8, 8],
      order: [16, 4],
      flags: [20, 4],
      domain: [24, 2],
    },
    /** Two reservations, given and taken, and how many extents are done. */
    exchange: { bytes: 72, taken: 32, done: [64, 8] },
    addToPhysmap: {
      bytes: 24,
      domain: [0, 2],
      size: [2, 2],
      space: [4, 4],
      index: [8, 8],
      gfn: [16, 8],
    },
    addToPhysmapBatch: {
      bytes: 32,
      domain: [0, 2],
      space: [2, 2],
      size: [4, 2],
      foreign: [6, 2],
      indexes: [8, 8],
      gfns: [16, 8],
      errors: [24, 8],
    },
    removeFromPhysmap: { bytes: 16, domain: [0, 2], gfn: [8, 8] },
  },
  compat: {
    ...same,
    frame: { bytes: 4, number: [0, 4] },
    error: { bytes: 4, number: [0, 4] },
    setupTable: { bytes: 16, domain: [0, 2], frames: [4, 4], status: [8, 2], list: [12, 4] },
    copy: {
      bytes: 24,
      sourceRef: [0, 4],
      sourceGfn: [0, 4],
      sourceDomain: [4, 2],
      sourceOffset: [6, 2],
      destRef: [8, 4],
      destGfn: [8, 4],
      destDomain: [12, 2],
      destOffset: [14, 2],
      length: [16, 2],
      flags: [18, 2],
      status: [20, 2],
    },
    reservation: {
      bytes: 20,
      extents: [0, 4],
      count: [4, 4],
      order: [8, 4],
      flags: [12, 4],
      domain: [16, 2],
    },
    exchange: { bytes: 44, taken: 20, done: [40, 4] },
    addToPhysmap: {
      bytes: 16,
      domain: [0, 2],
      size: [2, 2],
      space: [4, 4],
      index: [8, 4],
      gfn: [12, 4],
    },
    addToPhysmapBatch: {
      bytes: 20,
      domain: [0, 2],
      space: [2, 2],
      size: [4, 2],
      foreign: [6, 2],
      indexes: [8, 4],
      gfns: [12, 4],
      errors: [16, 4],
    },
    removeFromPhysmap: { bytes: 8, domain: [0, 2], gfn: [4, 4] },
  },
} as const;

/** Grant operations whose argument is a list of elements, and memory operations with extents. */
export const batches: ReadonlyMap<number, 'map' | 'unmap' | 'copy' | 'swap'> = new Map([
  [GNTTABOP_map_grant_ref, 'map'],
  [GNTTABOP_unmap_grant_ref, 'unmap'],
  [GNTTABOP_copy, 'copy'],
  [GNTTABOP_swap_grant_ref, 'swap'],
]);
export const extentOperations: readonly number[] = [
  XENMEM_increase_reservation,
  XENMEM_decrease_reservation,
  XENMEM_populate_physmap,
  XENMEM_add_to_physmap,
  XENMEM_add_to_physmap_batch,
];
