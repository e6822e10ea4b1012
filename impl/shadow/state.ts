import type { Mfn } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import { GuestWalk } from '../guest-walk.js';
import type { Host } from '../host.js';
import { signedAt } from '../tables/column.js';
import type { Vcpu } from '../vcpu.js';
import { Derived } from './derived.js';
import { Flushes } from './flushes.js';
import { ShadowHash } from './hash.js';
import { OutOfSyncTable } from './out-of-sync-table.js';
import { ShadowPool } from './pool.js';
import { NONE, ShadowPages } from './shadow-pages.js';
import { ShadowSlots } from './slots.js';

/** Root slots of a vcpu: all four in PAE mode, else the first. */
export const ROOTS = 4;
/** Beside the types that a frame is shadowed as: its guest writes it without being caught. */
const OUT_OF_SYNC = 0x8000;

/** All there is about the shadows of one domain. Every function of `impl/shadow/` takes it first. */
export class ShadowState {
  readonly host: Host;
  readonly domain: Domain;
  readonly vcpus: readonly Vcpu[];
  readonly pool: ShadowPool;
  readonly pages: ShadowPages;
  readonly hash: ShadowHash;
  readonly slots: ShadowSlots;
  readonly flushes: Flushes;
  readonly outOfSync: OutOfSyncTable;
  /** By vcpu, `ROOTS` each: the shadow that the root slot holds, or `NONE`. */
  readonly roots: Int32Array;
  /** Shadows of superpages in pieces. */
  splinters = 0;
  isClosed = false;
  /** Refilled by each derivation and each walk. */
  readonly derived = new Derived();
  readonly walk = new GuestWalk();

  constructor(host: Host, domain: Domain, vcpus: readonly Vcpu[]) {
    const { machine, ram, xenShare } = host;
    this.host = host;
    this.domain = domain;
    this.vcpus = vcpus;
    this.pool = new ShadowPool(xenShare, machine.shadowFrames, ram.frameCount);
    this.pages = new ShadowPages(this.pool);
    this.hash = new ShadowHash(this.pages);
    this.slots = new ShadowSlots(host, this.pool, this.pages);
    this.flushes = new Flushes(vcpus, ram.frameCount);
    this.outOfSync = new OutOfSyncTable(vcpus.length);
    this.roots = new Int32Array(vcpus.length * ROOTS).fill(NONE);
  }

  /** The frame is a page table of this domain with shadows, in sync or not. */
  isTable(mfn: Mfn): boolean {
    const { frames } = this.host;
    return frames.shadowsOf(mfn) !== 0 && frames.ownerOf(mfn) === this.domain.id;
  }
  /** The types it is shadowed as, a bit each. */
  typesOf(mfn: Mfn): number {
    return this.host.frames.shadowsOf(mfn) & ~OUT_OF_SYNC;
  }
  isOutOfSync(mfn: Mfn): boolean {
    return (this.host.frames.shadowsOf(mfn) & OUT_OF_SYNC) !== 0;
  }
  setOutOfSync(mfn: Mfn, isOut: boolean): void {
    const types = this.typesOf(mfn);
    this.host.frames.setShadows(mfn, isOut ? types | OUT_OF_SYNC : types);
  }

  rootOf(vcpu: Vcpu, slot: number): number {
    return signedAt(this.roots, vcpu.id * ROOTS + slot);
  }
  /** The shadow that an upper entry leads to; of a pair, the first. */
  childAt(slot: number): number {
    return this.pages.headOf(this.pool.pageOf(this.slots.frameAt(slot)));
  }
}
