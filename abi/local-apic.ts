/** Where nothing else is at this gfn, a guest finds the registers of its vcpu's local APIC. */
export const APIC_GFN = 0xfee00;
/** The one that is known: its version, which nobody can write. It is read as four bytes. */
export const APIC_VERSION_OFFSET = 0x30;
export const APIC_VERSION = 0x5_0014;
