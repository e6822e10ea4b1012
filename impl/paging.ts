import type { Gfn, Mfn } from '../abi/ids.js';
import type { Leaf } from './tables/p2m-entry.js';
import type { Vcpu } from './vcpu.js';

/**
 * What is to be done about an access that the processor could not translate.
 *
 *   retry   something was put right: the processor is to try again. Bounded: the same access gets a
 *           handful of retries in a row and no more, however the tables look like.
 *   fault   the guest gets a page fault with `vcpu.faultCode`. Always the result of a fresh walk.
 *   walk    the hypervisor is to make the access itself: it walks the guest's tables afresh, sets
 *           A and D, and goes by the p2m entries of what it finds. It may find a fault as well. For
 *           holes, for what the p2m does not permit, for writes to page tables, for writes that
 *           only CR0.WP = 0 allows.
 */
export type Resolution = 'retry' | 'fault' | 'walk';

/**
 * How the page tables of one domain's guest are served. The hypervisor calls it; it programs the
 * processors (`vcpu.cpu`) and nobody else does. Two implementations: nested paging, where hardware
 * walks guest tables and p2m, and shadows.
 */
export interface Paging {
  /**
   * CR3 was loaded, or a change of CR0, CR4 or EFER flushes: PG, PSE, PGE, PAE, SMEP. Registers,
   * PDPTEs and `heldRoot` are as they are from now on. Afterwards the vcpu's accesses go by them,
   * and none by a translation from before, global ones included. The root held before still has
   * its reference; it is dropped after this returns.
   */
  load(vcpu: Vcpu): void;

  /**
   * WP, SMAP, PKE, NXE or the key register changed, which flushes nothing. WP, SMEP, SMAP, PKE and
   * keys hold at once, in translations that are remembered too; a remembered translation may still
   * go by the old NXE until it is flushed, and no longer.
   */
  rightsChanged(vcpu: Vcpu): void;

  /**
   * INVLPG: no translation of the page is remembered. The address is canonical; outside long mode
   * `high` is 0.
   */
  invalidatePage(vcpu: Vcpu, high: number, low: number): void;

  /**
   * `vcpu.cpu` answered that it cannot translate this access. `high` and `low` are in the page that
   * is asked for, `access` as it was passed to the processor. Sets A and D only where the answer is
   * 'retry', and only if the guest's tables allow the access. Where an access crosses into a second
   * page, both pages are known to be allowed before this is called.
   */
  resolve(vcpu: Vcpu, high: number, low: number, access: number): Resolution;

  /**
   * Before the p2m entry at a gfn is written; `old` is what is there. Called for every change,
   * also where `old` is nothing, and for a change that then fails for want of a table.
   */
  entryChanges(gfn: Gfn, old: Leaf): void;

  /**
   * After it was written, and before any reference is dropped that `old` relied on (N2): from now
   * on no processor of the domain reaches the old frame through that gfn (N1).
   */
  entryChanged(gfn: Gfn, old: Leaf): void;

  /**
   * Bytes [from, to) of a frame that the domain owns were written by anyone but through one of this
   * domain's processors: results of hypercalls, status bits, copies, stores by guest-physical
   * address, accesses after 'walk', A and D bits of a software walk, stores of other domains
   * through paging's own write protection. Called after the write, in its own step.
   */
  frameWritten(mfn: Mfn, from: number, to: number): void;

  /**
   * A frame of another domain is a page table that its owner's paging must see written: from now on
   * no processor of this domain writes to it uncaught, until it is none any more.
   */
  catchForeignWrites(mfn: Mfn): void;

  /**
   * The domain's dirty log was started or cleaned: from now on no processor writes to own RAM of the
   * domain at a gfn that is not in `domain.dirtyLog`; A and D count. The paging notes the gfn there
   * when a write is let through.
   */
  catchWrites(): void;

  /** The log was given up: writes need not be caught any more. */
  letWrites(): void;

  /**
   * The domain is dying: no vcpu will run again. Gives back all frames, drops all references, and
   * leaves every processor without a translation. Called once; p2m changes may still follow it.
   */
  release(): void;

  /** For the audit: each page reference that the paging holds, and whether guests may write by it. */
  forEachReference(visit: (mfn: Mfn, isWritable: boolean) => void): void;

  /** For the audit: each frame it took from the hypervisor's share. */
  forEachFrame(visit: (mfn: Mfn) => void): void;
}
