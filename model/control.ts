import * as abi from '../abi/control.js';
import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type { InvalidatePage, MoveToCr3, MoveToRegister } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { loadWord, zeros } from '../values/content.js';
import { get } from '../values/keyed.js';
import { outOfPages } from './demand-target.js';
import { demanded } from './on-demand.js';
import { ownPageAt, pageOf, theDomain } from './derived.js';
import { accept, crash, refuse, type Result } from './outcome.js';
import { crashDomain, freeUnheld, isGrantMapping } from './pages.js';
import { featuresOf, isCanonical, isNested, isPaged, linearNumber, modeOf } from './registers.js';
import { vcpuOf, withVcpu } from './registers.js';
import type { PageId, State, Vcpu } from './state.js';
import { forgetting } from './translations.js';
import { rootFrame } from './table-entries.js';

/** A vcpu's control registers (p2m.md 3.1): what may be set, and what setting it brings about. */

const faulted = (rule: RefusalId): Result => refuse({ is: 'fault', vector: '#GP' }, rule);
const done: Reply = { is: 'done' };

/** [C1] CR0: turning paging on or off changes the mode and forgets everything. */
export function moveToCr0(state: State, { caller, vcpu: id, value }: MoveToRegister): Result {
  const vcpu = vcpuOf(state, caller, id);
  const has = (bit: number): boolean => (value & bit) !== 0;
  if ((value & ~abi.CR0_KNOWN) !== 0) return faulted('C1.1');
  if (has(abi.CR0_PG) && !has(abi.CR0_PE)) return faulted('C1.2');
  if (has(abi.CR0_NW) && !has(abi.CR0_CD)) return faulted('C1.3');
  const isLongWithoutPae = (vcpu.efer & abi.EFER_LME) !== 0 && (vcpu.cr4 & abi.CR4_PAE) === 0;
  if (has(abi.CR0_PG) && isLongWithoutPae) return faulted('C1.4');

  const moved = { ...vcpu, cr0: value };
  if (isPaged(moved) === isPaged(vcpu))
    return accept(done, 'C1', withVcpu(state, caller, id, moved));
  return loaded(state, caller, id, { ...moved, past: undefined }, 'C1');
}

/** [C2] CR3: a new top of the tables; everything is forgotten but what is global. */
export function moveToCr3(state: State, { caller, vcpu: id, value }: MoveToCr3): Result {
  const vcpu = vcpuOf(state, caller, id);
  const isLong = modeOf(vcpu) === '4-level';
  const { addressBits } = featuresOf(state);
  if (isLong && value.high >= 2 ** (addressBits - 32)) return faulted('C2.1');

  const cr3 = isLong ? value : { low: value.low, high: 0 };
  if (!isPaged(vcpu)) return accept(done, 'C2', withVcpu(state, caller, id, { ...vcpu, cr3 }));
  const hasGlobal = (vcpu.cr4 & abi.CR4_PGE) !== 0;
  const forgetful = hasGlobal ? forgetting(state, vcpu, 'local') : { ...vcpu, past: undefined };
  return loaded(state, caller, id, { ...forgetful, cr3 }, 'C2');
}

/** [C3] CR4: a change of PSE, PAE, PGE or SMEP forgets everything. */
export function moveToCr4(state: State, { caller, vcpu: id, value }: MoveToRegister): Result {
  const vcpu = vcpuOf(state, caller, id);
  const keys = featuresOf(state).protectionKeys ? abi.CR4_PKE : 0;
  if ((value & ~(CR4_KNOWN | keys)) !== 0) return faulted('C3.1');
  if (modeOf(vcpu) === '4-level' && (value & abi.CR4_PAE) === 0) return faulted('C3.2');

  const moved = { ...vcpu, cr4: value };
  if (((value ^ vcpu.cr4) & CR4_OF_WALKS) === 0 || !isPaged(vcpu))
    return accept(done, 'C3', withVcpu(state, caller, id, moved));
  return loaded(state, caller, id, { ...moved, past: undefined }, 'C3');
}
const CR4_OF_WALKS = abi.CR4_PSE | abi.CR4_PAE | abi.CR4_PGE | abi.CR4_SMEP;
const CR4_KNOWN = CR4_OF_WALKS | abi.CR4_SMAP;

/** [C4] EFER: long mode cannot be entered or left while paging is on. NXE may be remembered as it was. */
export function moveToEfer(state: State, { caller, vcpu: id, value }: MoveToRegister): Result {
  const vcpu = vcpuOf(state, caller, id);
  if ((value & ~(EFER_KNOWN | abi.EFER_LMA)) !== 0) return faulted('C4.1');
  const isOther = ((value ^ vcpu.efer) & abi.EFER_LME) !== 0;
  if (isOther && isPaged(vcpu)) return faulted('C4.2');

  const moved = isPaged(vcpu) ? forgetting(state, vcpu, 'nothing') : vcpu;
  return accept(done, 'C4', withVcpu(state, caller, id, { ...moved, efer: value & EFER_KNOWN }));
}
const EFER_KNOWN = abi.EFER_SCE | abi.EFER_LME | abi.EFER_NXE;

/** [C5] PKRU: the rights that protection keys give. */
export function moveToPkru(state: State, { caller, vcpu: id, value }: MoveToRegister): Result {
  const vcpu = vcpuOf(state, caller, id);
  if ((vcpu.cr4 & abi.CR4_PKE) === 0) return faulted('C5.1');
  return accept(done, 'C5', withVcpu(state, caller, id, { ...vcpu, pkru: value }));
}

/** [C6] INVLPG: one linear page is forgotten, on this vcpu. */
export function invalidatePage(state: State, { caller, vcpu: id, linear }: InvalidatePage): Result {
  const vcpu = vcpuOf(state, caller, id);
  const mode = modeOf(vcpu);
  if (mode === 'unpaged' || (mode === '4-level' && !isCanonical(linear)))
    return accept(done, 'C6', state);
  const page = Math.floor(linearNumber(linear, mode) / PAGE_BYTES);
  return accept(done, 'C6', withVcpu(state, caller, id, forgetting(state, vcpu, { page })));
}

/**
 * [C7] [C8] A vcpu whose top of tables is loaded anew. Without nested paging the hypervisor keeps hold
 * of the page that CR3 names, which must be RAM of the domain's own. In PAE mode the four entries
 * of the top level are read, now and not in a walk.
 */
function loaded(before: State, caller: DomainId, id: VcpuId, vcpu: Vcpu, rule: RuleId): Result {
  const isRead = modeOf(vcpu) === 'pae' || (isPaged(vcpu) && !isNested(before));
  const state = isRead ? demanded(before, caller, rootFrame(vcpu)) : before;
  if (theDomain(state, caller).crashed) return outOfPages(state);
  const former = vcpuOf(state, caller, id);
  const root = rootOf(state, caller, vcpu, former);
  if (root === 'none') return crash('C8.1', crashDomain(state, caller));
  const pdptes = modeOf(vcpu) === 'pae' ? topEntries(state, caller, vcpu, root) : [];
  if (pdptes.some((entry) => isReserved(entry, featuresOf(state).addressBits)))
    return { ...faulted('C7.1'), next: state === before ? undefined : state };

  // Nothing below this line can fail.
  const next = withVcpu(state, caller, id, { ...vcpu, pdptes, root });
  const isLeft = former.root !== undefined && former.root !== root;
  return accept(done, rule, isLeft ? freeUnheld(next, former.root) : next);
}

/** [C8] The page that a vcpu holds: the one it held, while CR3 names the same frame. */
function rootOf(
  state: State,
  caller: DomainId,
  vcpu: Vcpu,
  former: Vcpu,
): PageId | undefined | 'none' {
  if (isNested(state) || !isPaged(vcpu)) return undefined;
  const gfn = rootFrame(vcpu);
  if (former.root !== undefined && rootFrame(former) === gfn) return former.root;
  const domain = theDomain(state, caller);
  const page = isGrantMapping(domain, gfn) ? undefined : ownPageAt(state, domain, gfn);
  return page ?? 'none';
}

/** [C7] The four entries that CR3 points to; of a gfn without a page they are not present. */
function topEntries(state: State, caller: DomainId, vcpu: Vcpu, root?: PageId): readonly Word[] {
  const page = root ?? get(theDomain(state, caller).p2m, rootFrame(vcpu))?.page;
  const content = page === undefined ? zeros : pageOf(state, page).content;
  const { low } = vcpu.cr3;
  const start = (low % PAGE_BYTES) - (low % 32);
  return [0, 8, 16, 24].map((offset) => loadWord(content, start + offset, 8));
}

/** [C7] A present entry of PAE's top level has nothing but a frame number and three bits. */
const isReserved = ({ low, high }: Word, addressBits: number): boolean =>
  (low & abi.PTE_P) !== 0 && ((low & 0x1e6) !== 0 || high >= 2 ** (addressBits - 32));
