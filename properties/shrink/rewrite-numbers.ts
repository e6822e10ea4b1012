import { Gfn, GuestPhysical, VcpuId, type DomainId, type GrantRef } from '../../abi/ids.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';

/** Numbers that are neither a domain, nor a gfn, nor a ref. */
export type NumberKind =
  | 'vcpu'
  | 'offset'
  | 'length'
  | 'flags'
  | 'size'
  | 'count'
  | 'value'
  | 'space'
  | 'handle'
  /** A linear address without its byte in the page: number of the page in 4 GiB, and high half. */
  | 'page'
  | 'high'
  /** Who accesses, by the place in a list whose first one is the simplest. */
  | 'accessor';

/** What becomes of each number of a line. `of` is the domain whose gfn or ref it is. */
export interface Rewrite {
  domain(id: DomainId): DomainId;
  gfn(gfn: Gfn, of: DomainId): Gfn;
  ref(ref: GrantRef, of: DomainId): GrantRef;
  number(n: number, kind: NumberKind): number;
}

/** Who makes a step. */
export const ownOf = (
  line: { readonly caller: DomainId; readonly vcpu: VcpuId },
  by: Rewrite,
): { readonly caller: DomainId; readonly vcpu: VcpuId } => ({
  caller: by.domain(line.caller),
  vcpu: VcpuId(by.number(line.vcpu, 'vcpu')),
});

export function rewriteAddress(at: GuestPhysical, of: DomainId, by: Rewrite): GuestPhysical {
  const byte = at % PAGE_BYTES;
  const gfn = by.gfn(Gfn((at - byte) / PAGE_BYTES), of);
  return GuestPhysical(gfn * PAGE_BYTES + by.number(byte, 'offset'));
}

export const rewriteWord = ({ low, high }: Word, by: Rewrite): Word => ({
  low: by.number(low, 'value'),
  high: by.number(high, 'value'),
});
