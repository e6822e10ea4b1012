/**
 * Control registers and page-table bits as a guest and its processor know them (p2m.md 3).
 * Registers are unsigned 32-bit values but for CR3, which is a 64-bit `Word`.
 */
export const CR0_PE = 0x1;
export const CR0_WP = 0x1_0000;
export const CR0_NW = 0x2000_0000;
export const CR0_CD = 0x4000_0000;
export const CR0_PG = 0x8000_0000;
/** CR0 as bits a guest may set: PE MP EM TS ET NE WP AM NW CD PG. */
export const CR0_KNOWN = 0xe005_003f;

export const CR4_PSE = 0x10;
export const CR4_PAE = 0x20;
export const CR4_PGE = 0x80;
export const CR4_SMEP = 0x10_0000;
export const CR4_SMAP = 0x20_0000;
export const CR4_PKE = 0x40_0000;

export const EFER_SCE = 0x1;
export const EFER_LME = 0x100;
/** Long mode is active: LME while paging is on. Follows from the rest; a written value is ignored. */
export const EFER_LMA = 0x400;
export const EFER_NXE = 0x800;

/** A new vcpu is in protected mode without paging. */
export const CR0_AT_START = 0x11;

/** Low half of a page-table entry of any level and width. */
export const PTE_P = 0x1;
export const PTE_RW = 0x2;
export const PTE_US = 0x4;
export const PTE_PWT = 0x8;
export const PTE_PCD = 0x10;
export const PTE_A = 0x20;
export const PTE_D = 0x40;
/** In a level 1 entry PAT; above, "this entry maps a superpage". */
export const PTE_PS = 0x80;
export const PTE_G = 0x100;
/** High half of an 8-byte entry. */
export const PTE_NX_HIGH = 0x8000_0000;
/** Where the protection key is in the high half: bits 59..62 of the entry. */
export const PTE_KEY_SHIFT_HIGH = 27;

/** Bits of a page fault's error code. */
export const PFEC_P = 0x1;
export const PFEC_W = 0x2;
export const PFEC_U = 0x4;
export const PFEC_RSVD = 0x8;
export const PFEC_I = 0x10;
export const PFEC_PK = 0x20;
