/** Data memory: each dword names its own physical address. */

export const DATA_FROM = 0x100_0000;
export const DATA_TO = 0x400_0000;
/** Tables are below; the recorder cleared what it did not fill. */
export const TABLES_FROM = 0x40_0000;

/** What memory holds at the start at an address that is a multiple of 4, but for tables and patches. */
export const contentAt = (address: number): number =>
  address >= DATA_FROM && address < DATA_TO ? patternAt(address) : 0;

function patternAt(address: number): number {
  const offset = address & 0xfff;
  if (offset === 0) return (0xcccc_cc00 | ((address >>> 12) & 0xff)) >>> 0;
  if (offset === 0xffc) return (0xb8 | (address << 8)) >>> 0;
  if (offset >= 0xff0) return 0xcccc_cccc;
  if (offset >= 0xf00) return codeAt(address);
  const mixed = Math.imul(address, 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Slots of 16 bytes with an instruction that loads the slot's own address. */
function codeAt(address: number): number {
  const slot = address & ~15;
  switch (address & 15) {
    case 0:
      return (0xb8 | (slot << 8)) >>> 0;
    case 4:
      return (0xcccc_cc00 | (slot >>> 24)) >>> 0;
    default:
      return 0xcccc_cccc;
  }
}
