/**
 * The numbers that guests, toolstack and hypervisor exchange. All are plain numbers at run time;
 * the brand stops one kind being passed where another is meant. This header is the glossary.
 *
 *   DomainId       names a domain. 0 is the control domain; special ids start at 0x7ff0.
 *   VcpuId         names a virtual processor of one domain.
 *   Gfn            guest frame number: a page of one guest's own physical memory.
 *   Mfn            machine frame number: a page of the machine. No guest argument carries one.
 *   GrantRef       a row of the granting domain's grant table.
 *   Handle         names one live mapping of the mapping domain (a row of its maptrack).
 *   GuestPhysical  a byte address in one guest's physical memory.
 *
 * A *grant* is the permission, a *mapping* its use, a *handle* names a mapping. *Map* is the
 * hypercall, *walk* is what an MMU does to tables, *fill* is what a shadow does on a miss,
 * *refuse* is an expected no. A *page* is a machine frame with its content as the spec sees it.
 *
 * Zero is a value of every id: compare with `undefined`, never by truth.
 */
declare const kind: unique symbol;
type Id<Kind extends string> = number & { readonly [kind]: Kind };

export type DomainId = Id<'domain'>;
export const DomainId = (n: number): DomainId => n as DomainId;

export type VcpuId = Id<'vcpu'>;
export const VcpuId = (n: number): VcpuId => n as VcpuId;

export type Gfn = Id<'gfn'>;
export const Gfn = (n: number): Gfn => n as Gfn;

export type Mfn = Id<'mfn'>;
export const Mfn = (n: number): Mfn => n as Mfn;

export type GrantRef = Id<'grant_ref'>;
export const GrantRef = (n: number): GrantRef => n as GrantRef;

export type Handle = Id<'handle'>;
export const Handle = (n: number): Handle => n as Handle;

export type GuestPhysical = Id<'guest_physical'>;
export const GuestPhysical = (n: number): GuestPhysical => n as GuestPhysical;

/** The control domain: privileged, always there, never a guest of the machine. */
export const CONTROL: DomainId = DomainId(0);
/** The vcpu that every domain has; on the control domain's the toolstack destroys others. */
export const FIRST_VCPU: VcpuId = VcpuId(0);
/** In an argument: the calling domain itself. Never equal to a stored domain id. */
export const DOMID_SELF: DomainId = DomainId(0x7ff0);
export const DOMID_IO: DomainId = DomainId(0x7ff1);
export const DOMID_XEN: DomainId = DomainId(0x7ff2);
export const DOMID_INVALID: DomainId = DomainId(0x7ff4);
export const DOMID_IDLE: DomainId = DomainId(0x7fff);

/**
 * A 64-bit all-ones argument or answer. Guest numbers of 64 bits are carried as doubles: exact up
 * to 2^53, and this one value above (2^64-1 is not a double; 2^64 stands for it).
 */
export const ALL_ONES: number = 2 ** 64;
/** "No frame": what a query answers for a frame that is mapped nowhere. */
export const INVALID_GFN: Gfn = Gfn(ALL_ONES);
/** A handle that no hypervisor ever gives out: what a dangling name in a program stands for. */
export const NO_HANDLE: Handle = Handle(0xffff_ffff);
