import * as abi from '../abi/control.js';
import type { RefusalId } from '../abi/rules.js';
import type { Accessor, LinearAccess } from '../abi/step.js';
import { hasNoExecute, isPaged, modeOf } from './registers.js';
import type { Vcpu } from './state.js';
import type { Translation } from './walk.js';

/** Whether a translation allows an access (p2m.md 3.4). */

/** What an access asks for. Atomics are writes, whether or not they come to store. */
export interface Asked {
  readonly as: Accessor;
  readonly kind: 'read' | 'write' | 'fetch';
}

/** What a step asks for. */
export function askedBy({ op, as }: LinearAccess): Asked {
  if (op === 'load_linear') return { as, kind: 'read' };
  return { as, kind: op === 'fetch_linear' ? 'fetch' : 'write' };
}

/** Why an access is refused, and what its page fault says of what was found. */
export interface Fault {
  readonly refusal: RefusalId;
  readonly code: number;
}

/**
 * [W3] A page is the user's, writable, executable if every entry says so; that is judged when the
 * walk is complete, against the registers as they are. Undefined if the access is allowed.
 */
export function faultOf(page: Translation, vcpu: Vcpu, { as, kind }: Asked): Fault | undefined {
  if (modeOf(vcpu) === 'unpaged') return undefined;
  const [isUser, isFetch, isWrite] = [as === 'user', kind === 'fetch', kind === 'write'];
  const isOn = (register: number, bit: number): boolean => (register & bit) !== 0;
  const mindsReadonly = isUser || isOn(vcpu.cr0, abi.CR0_WP);
  const no = (refusal: RefusalId, code = 0): Fault => ({ refusal, code: code | abi.PFEC_P });

  if (!isFetch && !keyAllows(page, vcpu, isWrite && mindsReadonly)) return no('W3.1', abi.PFEC_PK);
  if (isFetch && !page.isExecutable) return no('W3.2');
  if (isUser && !page.isUser) return no('W3.3');
  if (!isUser && isFetch && page.isUser && isOn(vcpu.cr4, abi.CR4_SMEP)) return no('W3.5');
  const isExcused = isUser || isFetch || as === 'kernel_ac';
  if (!isExcused && page.isUser && isOn(vcpu.cr4, abi.CR4_SMAP)) return no('W3.6');
  return isWrite && !page.isWritable && mindsReadonly ? no('W3.4') : undefined;
}

/** In long mode a page of the user's has a key, for which PKRU has two bits: no access, no write. */
function keyAllows(page: Translation, vcpu: Vcpu, isWrite: boolean): boolean {
  if (!page.isUser || modeOf(vcpu) !== '4-level' || (vcpu.cr4 & abi.CR4_PKE) === 0) return true;
  const forbidden = (vcpu.pkru >>> (2 * page.key)) & 3;
  return (forbidden & 1) === 0 && !((forbidden & 2) !== 0 && isWrite);
}

/** [W4] The error code: what the walk found, and what was asked for. */
export function faultCode(found: number, vcpu: Vcpu, { as, kind }: Asked): number {
  const hasSmep = isPaged(vcpu) && (vcpu.cr4 & abi.CR4_SMEP) !== 0;
  const isFetchSaid = hasNoExecute(vcpu) || hasSmep;
  return (
    found |
    (kind === 'write' ? abi.PFEC_W : 0) |
    (as === 'user' ? abi.PFEC_U : 0) |
    (kind === 'fetch' && isFetchSaid ? abi.PFEC_I : 0)
  );
}
