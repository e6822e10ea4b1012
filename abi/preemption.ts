import type { ByGuest } from './access.js';
import type { PodTarget, SetMemoryType } from './toolstack.js';
import type { AcquireResource } from './resources.js';
import type { UnmapAndReplace } from './control-grants.js';
import type {
  AddToPhysmap,
  AddToPhysmapBatch,
  CopyGrant,
  Decrease,
  DestroyDomain,
  Hypercall,
  Increase,
  MapGrant,
  Populate,
  SwapGrant,
  TransferGrant,
  UnmapGrant,
} from './step.js';

/** Calls that are stopped, and gone on with (grants.md 5.4, p2m.md 2.9); the control domain's too. */

export type Preemption = Interrupt | Resume;
/** What can be stopped and gone on with. */
export type PreemptibleCall =
  | MapGrant
  | UnmapGrant
  | CopyGrant
  | SwapGrant
  | TransferGrant
  | Populate
  | Decrease
  | Increase
  | AddToPhysmap
  | AddToPhysmapBatch
  | AcquireResource
  | UnmapAndReplace
  | ByToolstack
  | Hypercall;
/** Of these, what the control domain's first vcpu does for the toolstack. */
export type ByToolstack = DestroyDomain | SetMemoryType | PodTarget;

/** All of them but hypercalls, of which some can be stopped. */
export const preemptible = [
  'map',
  'unmap',
  'copy',
  'swap',
  'transfer',
  'unmap_and_replace',
  'populate_physmap',
  'decrease_reservation',
  'increase_reservation',
  'add_to_physmap',
  'add_to_physmap_batch',
  'acquire_resource',
  'destroy',
  'set_memory_type',
  'pod_target',
] as const satisfies readonly PreemptibleCall['op'][];

/**
 * The next call of the vcpu that can be stopped, or its resumption, stops at the first point at which
 * it may and `after` units of it are done; it stops nowhere where it ends before. What the toolstack
 * does is done on the first vcpu of the control domain.
 */
export interface Interrupt extends ByGuest {
  readonly op: 'interrupt';
  /** u32: elements, extents, entries or mappings; 0 is as good as 1. */
  readonly after: number;
}
/** The vcpu goes on with the call that was stopped. */
export interface Resume extends ByGuest {
  readonly op: 'resume';
}
