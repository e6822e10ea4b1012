import * as bits from '../abi/control.js';
import type { Mfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Control } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import type { Domain } from './domain.js';
import * as entry from './hardware/page-entry.js';
import type { Host } from './host.js';
import { demand } from './on-demand.js';
import { getPage, putPage } from './pages.js';
import { crash } from './physmap.js';
import { CRASHED, DONE, GENERAL_PROTECTION } from './replies.js';
import { isPresentLeaf, isRam, mfnOf } from './tables/p2m-entry.js';
import { isCanonical, isLongMode, modeOf, rootGfnOf } from './vcpu.js';
import type { Registers, Vcpu } from './vcpu.js';

/*
 * The registers that decide how linear addresses are walked (p2m.md 3.1, 5.5). A write that a
 * processor does not take raises #GP and changes nothing.
 */

const CR4_FLUSHING = bits.CR4_PSE | bits.CR4_PAE | bits.CR4_PGE | bits.CR4_SMEP;
const CR4_KNOWN = CR4_FLUSHING | bits.CR4_SMAP | bits.CR4_PKE;
const EFER_WRITABLE = bits.EFER_SCE | bits.EFER_LME | bits.EFER_NXE;
const EFER_KNOWN = EFER_WRITABLE | bits.EFER_LMA;
/** Four entries of eight bytes, anywhere in their page at a multiple of their size. */
const PDPT_WORDS = 8;
const PDPT_OFFSET_MASK = 0xfe0;

/** A guest writes one of its control registers, or forgets a page. */
export function control(host: Host, domain: Domain, vcpu: Vcpu, step: Control): Reply {
  switch (step.op) {
    case 'cr0':
      return moveToCr0(host, domain, vcpu, step.value);
    case 'cr3':
      return moveToCr3(host, domain, vcpu, step.value);
    case 'cr4':
      return moveToCr4(host, domain, vcpu, step.value);
    case 'efer':
      return writeEfer(domain, vcpu, step.value);
    case 'pkru':
      return writeKeys(domain, vcpu, step.value);
    case 'invlpg':
      return invalidatePage(domain, vcpu, step.linear);
  }
}

/** The vcpu lets go of the frame of CR3: its paging ends, or its domain. */
export function dropRoot(host: Host, vcpu: Vcpu): void {
  const held = vcpu.heldRoot;
  vcpu.heldRoot = undefined;
  if (held !== undefined) putPage(host, held);
}

function moveToCr0(host: Host, domain: Domain, vcpu: Vcpu, value: number): Reply {
  const isPaged = has(value, bits.CR0_PG);
  if (has(value, ~bits.CR0_KNOWN)) return GENERAL_PROTECTION;
  if (isPaged && !has(value, bits.CR0_PE)) return GENERAL_PROTECTION;
  if (has(value, bits.CR0_NW) && !has(value, bits.CR0_CD)) return GENERAL_PROTECTION;
  const isLong = has(vcpu.efer, bits.EFER_LME);
  if (isPaged && isLong && !has(vcpu.cr4, bits.CR4_PAE)) return GENERAL_PROTECTION;

  if (!has(value ^ vcpu.cr0, bits.CR0_PG)) {
    vcpu.cr0 = value >>> 0;
    domain.paging.rightsChanged(vcpu);
    return DONE;
  }
  return change(host, domain, vcpu, { ...registersOf(vcpu), cr0: value });
}

/** Only the low half counts without long mode; with it, all bits of an address. */
function moveToCr3(host: Host, domain: Domain, vcpu: Vcpu, value: Word): Reply {
  const { addressBits } = host.cpuFeatures;
  if (!isLongMode(vcpu)) {
    return change(host, domain, vcpu, { ...registersOf(vcpu), cr3Low: value.low, cr3High: 0 });
  }
  if (value.high >>> (addressBits - 32) !== 0) return GENERAL_PROTECTION;
  return change(host, domain, vcpu, {
    ...registersOf(vcpu),
    cr3Low: value.low,
    cr3High: value.high,
  });
}

function moveToCr4(host: Host, domain: Domain, vcpu: Vcpu, value: number): Reply {
  const known = host.cpuFeatures.protectionKeys ? CR4_KNOWN : CR4_KNOWN & ~bits.CR4_PKE;
  if (has(value, ~known)) return GENERAL_PROTECTION;
  if (isLongMode(vcpu) && !has(value, bits.CR4_PAE)) return GENERAL_PROTECTION;

  if (!has(value ^ vcpu.cr4, CR4_FLUSHING)) {
    vcpu.cr4 = value >>> 0;
    domain.paging.rightsChanged(vcpu);
    return DONE;
  }
  return change(host, domain, vcpu, { ...registersOf(vcpu), cr4: value });
}

/** LMA is not the guest's to write; LME only while paging is off. */
function writeEfer(domain: Domain, vcpu: Vcpu, value: number): Reply {
  if (has(value, ~EFER_KNOWN)) return GENERAL_PROTECTION;
  const isPaged = has(vcpu.cr0, bits.CR0_PG);
  if (isPaged && has(value ^ vcpu.efer, bits.EFER_LME)) return GENERAL_PROTECTION;

  // Nothing below this line can fail.
  vcpu.efer = value & EFER_WRITABLE;
  domain.paging.rightsChanged(vcpu);
  return DONE;
}

function writeKeys(domain: Domain, vcpu: Vcpu, value: number): Reply {
  if (!has(vcpu.cr4, bits.CR4_PKE)) return GENERAL_PROTECTION;

  // Nothing below this line can fail.
  vcpu.pkru = value >>> 0;
  domain.paging.rightsChanged(vcpu);
  return DONE;
}

/** An address that is not canonical is no page's: nothing happens. */
function invalidatePage(domain: Domain, vcpu: Vcpu, { low, high }: Word): Reply {
  const isLong = isLongMode(vcpu);
  if (isLong && !isCanonical(high)) return DONE;

  // Nothing below this line can fail.
  domain.paging.invalidatePage(vcpu, isLong ? high : 0, low);
  return DONE;
}

function registersOf({ cr0, cr3Low, cr3High, cr4, efer }: Vcpu): Registers {
  return { cr0, cr3Low, cr3High, cr4, efer };
}

/**
 * Registers change in a way that loads the root anew. Under shadows its frame is held, which must be
 * RAM of the domain; in PAE mode the four entries there are loaded, and a wrong one raises #GP.
 */
function change(host: Host, domain: Domain, vcpu: Vcpu, to: Registers): Reply {
  const held = vcpu.heldRoot;
  const isShadowed = host.machine.paging === 'shadow' && has(to.cr0, bits.CR0_PG);
  if (modeOf(to) === entry.PAE || isShadowed) demand(host, domain, rootGfnOf(to));
  if (domain.isCrashed) return CRASHED;
  const isPaged = has(to.cr0, bits.CR0_PG);
  const isKept = held !== undefined && isPaged && hasSameFrame(vcpu, to);
  const isTaken = !isKept && isPaged && host.machine.paging === 'shadow';
  const taken = isTaken ? getRoot(host, domain, to) : undefined;
  if (isTaken && taken === undefined) {
    crash(domain);
    return CRASHED;
  }
  const root = isKept ? held : taken;
  if (modeOf(to) === entry.PAE && !loadPdptes(host, domain, vcpu, to, root)) {
    if (taken !== undefined) putPage(host, taken);
    return GENERAL_PROTECTION;
  }

  // Nothing below this line can fail.
  vcpu.cr0 = to.cr0 >>> 0;
  vcpu.cr3Low = to.cr3Low >>> 0;
  vcpu.cr3High = to.cr3High >>> 0;
  vcpu.cr4 = to.cr4 >>> 0;
  vcpu.heldRoot = root;
  domain.paging.load(vcpu);
  if (held !== undefined && !isKept) putPage(host, held);
  return DONE;
}

/** The low twelve bits of CR3 are no part of the frame's number. */
function hasSameFrame(one: Registers, other: Registers): boolean {
  return rootGfnOf(one) === rootGfnOf(other);
}

/** The frame of CR3 with a reference, if it is RAM of the domain. */
function getRoot(host: Host, domain: Domain, to: Registers): Mfn | undefined {
  const found = domain.p2m.lookup(rootGfnOf(to));
  if (!isRam(found)) return undefined;
  return getPage(host, mfnOf(found), domain) ? mfnOf(found) : undefined;
}

/**
 * PAE's top level is read once, when it is loaded. False where a present entry has bits that must be
 * zero: nothing is loaded. Of a page that is not there, which nested paging permits, it is empty.
 */
function loadPdptes(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  to: Registers,
  root: Mfn | undefined,
): boolean {
  const found = domain.p2m.lookup(rootGfnOf(to));
  const mfn = root ?? (isPresentLeaf(found) ? mfnOf(found) : undefined);
  const offset = to.cr3Low & PDPT_OFFSET_MASK;
  const wordAt = (word: number): number => {
    return mfn === undefined ? 0 : host.ram.load32(mfn, offset + word * 4);
  };
  for (let word = 0; word < PDPT_WORDS; word += 2) {
    const [low, high] = [wordAt(word), wordAt(word + 1)];
    if (entry.pdpteHasReservedBits(low, high, host.cpuFeatures)) return false;
  }

  // Nothing below this line can fail.
  for (let word = 0; word < PDPT_WORDS; word += 1) vcpu.pdptes[word] = wordAt(word);
  return true;
}

function has(value: number, mask: number): boolean {
  return (value & mask) !== 0;
}
