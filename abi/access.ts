import type { DomainId, GuestPhysical, VcpuId } from './ids.js';
import type { Word } from './word.js';

/** What a guest does by itself, without a hypercall: memory accesses, and moves to control registers. */

/** A step made by a running guest: it answers `no_domain` when the caller cannot run. */
export interface ByGuest {
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
}

// ---- guest accesses by guest-physical address (p2m.md 6) ----

export type Access = Load | Store | CompareExchange | ExchangeAdd | Fetch | Crash;

export interface Load extends ByGuest {
  readonly op: 'load';
  readonly address: GuestPhysical;
  /** 1..8 bytes */
  readonly size: number;
}
export interface Store extends ByGuest {
  readonly op: 'store';
  readonly address: GuestPhysical;
  readonly size: number;
  readonly value: Word;
}
export interface CompareExchange extends ByGuest {
  readonly op: 'cmpxchg';
  readonly address: GuestPhysical;
  readonly size: number;
  readonly expected: Word;
  readonly value: Word;
}
export interface ExchangeAdd extends ByGuest {
  readonly op: 'xadd';
  readonly address: GuestPhysical;
  readonly size: number;
  readonly value: Word;
}
/** An instruction fetch; it answers with the eight bytes found. */
export interface Fetch extends ByGuest {
  readonly op: 'fetch';
  readonly address: GuestPhysical;
}
/** The guest asks to be crashed (SCHEDOP_shutdown with reason crash). */
export interface Crash extends ByGuest {
  readonly op: 'crash';
}

// ---- guest accesses by linear address, through the vcpu's page tables (p2m.md 3) ----

export type LinearAccess =
  LinearLoad | LinearStore | LinearCompareExchange | LinearExchangeAdd | LinearFetch;

/**
 * Who accesses: user code (CPL 3); the kernel, with EFLAGS.AC clear or set; or the processor itself
 * on behalf of any code, an implicit supervisor access such as to a descriptor table.
 */
export const accessors = ['user', 'kernel', 'kernel_ac', 'implicit'] as const;
export type Accessor = (typeof accessors)[number];

interface ByLinear extends ByGuest {
  /** u64; without long mode its high half is ignored. */
  readonly linear: Word;
  /** 1..8 bytes */
  readonly size: number;
  readonly as: Accessor;
}
export interface LinearLoad extends ByLinear {
  readonly op: 'load_linear';
}
export interface LinearStore extends ByLinear {
  readonly op: 'store_linear';
  readonly value: Word;
}
export interface LinearCompareExchange extends ByLinear {
  readonly op: 'cmpxchg_linear';
  readonly expected: Word;
  readonly value: Word;
}
export interface LinearExchangeAdd extends ByLinear {
  readonly op: 'xadd_linear';
  readonly value: Word;
}
/** An instruction fetch; it answers with the bytes found. */
export interface LinearFetch extends ByLinear {
  readonly op: 'fetch_linear';
}

// ---- control of a vcpu's paging (p2m.md 3.1, 4.15) ----

export type Control = MoveToRegister | MoveToCr3 | InvalidatePage;

export interface MoveToRegister extends ByGuest {
  readonly op: 'cr0' | 'cr4' | 'efer' | 'pkru';
  /** u32 */
  readonly value: number;
}
export interface MoveToCr3 extends ByGuest {
  readonly op: 'cr3';
  /** u64; without long mode its high half is ignored. */
  readonly value: Word;
}
export interface InvalidatePage extends ByGuest {
  readonly op: 'invlpg';
  /** u64 */
  readonly linear: Word;
}
