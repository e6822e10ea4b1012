/**
 * The grant table as guests and hypervisor share it: bits and byte offsets (grants.md 1.4, 1.5,
 * 1.6, 3.1). Little endian, the same for every guest width.
 *
 *   v1 entry, 8 bytes:    flags u16 @0 | domid u16 @2 | frame u32 @4
 *   v2 entry, 16 bytes:   flags u16 @0 | domid u16 @2 | then by kind:
 *        full page            pad u32 @4                      | frame u64 @8
 *        sub page             page_off u16 @4 | length u16 @6 | frame u64 @8
 *        transitive           trans_domid u16 @4 | pad u16 @6 | gref u32 @8
 *   v2 status: one u16 per ref, in separate status frames; only reading and writing are used.
 */
export const GTF_type_mask = 0x3;
export const GTF_invalid = 0;
export const GTF_permit_access = 1;
export const GTF_accept_transfer = 2;
export const GTF_transitive = 3;
export const GTF_readonly = 0x4;
/** Of an entry that accepts a page: it is on its way, and it is there. */
export const GTF_transfer_committed = 0x4;
export const GTF_transfer_completed = 0x8;
export const GTF_reading = 0x8;
export const GTF_writing = 0x10;
export const GTF_sub_page = 0x100;

export const V1_ENTRY_BYTES = 8;
export const V2_ENTRY_BYTES = 16;
export const STATUS_BYTES = 2;

export const GNTMAP_device_map = 0x1;
export const GNTMAP_host_map = 0x2;
export const GNTMAP_readonly = 0x4;
export const GNTMAP_application_map = 0x8;
export const GNTMAP_contains_pte = 0x10;

export const GNTCOPY_source_gref = 0x1;
export const GNTCOPY_dest_gref = 0x2;

export const GNTTAB_CACHE_CLEAN = 0x1;
export const GNTTAB_CACHE_INVAL = 0x2;

/** In the index of `add_to_physmap` space grant_table: asks for a status frame (version 2 only). */
export const XENMAPIDX_grant_table_status = 0x8000_0000;

export type GrantVersion = 1 | 2;
