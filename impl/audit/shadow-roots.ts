import * as entry from '../shadow/entry.js';
import { rootTypeOf } from '../shadow/roots.js';
import { NONE } from '../shadow/shadow-pages.js';
import { ROOTS } from '../shadow/state.js';
import type { ShadowState } from '../shadow/state.js';
import * as types from '../shadow/types.js';
import type { Vcpu } from '../vcpu.js';
import type { Findings } from './findings.js';

/** What processors start from: live roots of the right mode, and of the right table (S13, S24). */
export function auditShadowRoots(state: ShadowState, findings: Findings): void {
  for (const vcpu of state.vcpus) {
    const type = rootTypeOf(vcpu);
    for (let slot = 0; slot < ROOTS; slot += 1) auditRoot(state, vcpu, slot, type, findings);
    const isLong = type === types.L4_64;
    const isRight = vcpu.cpu.mode === (isLong ? 4 : 3) && vcpu.cpu.writeProtect;
    findings.check(isRight && !vcpu.cpu.isNested, 'S13', 'shadow.root', () => {
      return `vcpu ${vcpu.id} walks in mode ${vcpu.cpu.mode}, its root is of type ${type}`;
    });
  }
}

function auditRoot(
  state: ShadowState,
  vcpu: Vcpu,
  slot: number,
  type: number,
  findings: Findings,
): void {
  const { pages, pool } = state;
  const check = (isTrue: boolean, id: string, what: string): void => {
    findings.check(isTrue, id, 'shadow.root', () => `root slot ${slot} of vcpu ${vcpu.id} ${what}`);
  };
  const root = state.rootOf(vcpu, slot);
  if (root === NONE) {
    check(slot > 0 || type === types.L2_PAE, 'S13', 'is empty');
  } else {
    check(pages.isShadow(root), 'S13', 'holds what is no shadow');
    check(pages.typeOf(root) === type, 'S24', `holds a root of type ${pages.typeOf(root)}`);
    if (type !== types.L2_PAE && types.isOfTable(type)) {
      check(pages.keyOf(root) === vcpu.heldRoot, 'S13', 'is not of the frame that the vcpu holds');
    }
  }
  if (type === types.L4_64) {
    if (slot > 0 || root === NONE) return;
    check(vcpu.cpu.rootFrame === pool.frameOf(root), 'S13', 'is not where the processor starts');
    return;
  }
  const first = state.rootOf(vcpu, 0);
  let page = root;
  if (type !== types.L2_PAE) page = first === NONE ? NONE : pages.pageOf(first, slot);
  const low = page === NONE ? 0 : entry.pdpteLow(pool.frameOf(page));
  check(vcpu.cpu.pdptes[slot * 2] === low, 'S13', 'is not where the processor starts');
}
