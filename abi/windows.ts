import type { DomainId, Gfn } from './ids.js';

/**
 * The address space of the control domain, whose kernel is paravirtualised: linear pages, each empty
 * or leading to one page of some domain. The first are windows, empty at the start; those that follow
 * lead to RAM of the control domain's own. Its `load`, `store` and `cmpxchg` have linear addresses.
 */
export const WINDOWS = 512;
/** Where the first window is. */
export const WINDOW_ADDRESS = 0x80_0000;

/** A call about the control domain's own address space, made by its kernel. */
export type WindowCall = MapForeign | UnmapWindow;

/** A page of a domain comes to be in a window: what a device model sees of its guest. */
export interface MapForeign {
  readonly op: 'map_foreign';
  readonly window: number;
  /** u16; DOMID_SELF for the control domain's own pages, by machine frame. */
  readonly domain: DomainId;
  /** u64 */
  readonly gfn: Gfn;
  readonly readonly: boolean;
}
/** A window becomes empty, whatever it leads to. */
export interface UnmapWindow {
  readonly op: 'unmap_window';
  readonly window: number;
}
