import { INVALID_GFN, Mfn } from '../../abi/ids.js';
import type { FrameShare } from '../allocator.js';
import type { Host } from '../host.js';
import { NOBODY, REFERENCE_LIMIT } from '../tables/frame-table.js';
import type { Census } from './census.js';
import type { Findings } from './findings.js';

/** The frame table against what the p2ms and maptracks say (p2m.md 8.1; grants.md I12, I13). */
export function auditFrames(host: Host, census: Census, findings: Findings): void {
  auditShare(host, host.guestShare, census, findings);
  auditShare(host, host.controlShare, census, findings);
  auditShare(host, host.xenShare, census, findings);
}

function auditShare(host: Host, share: FrameShare, census: Census, findings: Findings): void {
  let freeCount = share.first + share.frameCount - share.untouchedFrom();
  for (let frame = share.first; frame < share.untouchedFrom(); frame += 1) {
    const mfn = Mfn(frame);
    if (host.frames.isFree(mfn)) {
      freeCount += 1;
      auditFree(host, mfn, findings);
    } else {
      auditInUse(host, mfn, findings);
      auditCounts(host, mfn, census, findings);
    }
  }
  const claimed = share.freeCount();
  findings.check(freeCount === claimed, 'F1', 'allocator.free', () => {
    return `${freeCount} frames are free and the allocator has ${claimed}`;
  });
}

/** F1: nothing holds a free frame; and it is zero, as the allocator promises. */
function auditFree(host: Host, mfn: Mfn, findings: Findings): void {
  const { frames } = host;
  const isBare =
    frames.ownerOf(mfn) === NOBODY &&
    frames.referencesOf(mfn) === 0 &&
    frames.typeReferencesOf(mfn) === 0 &&
    frames.gfnOf(mfn) === INVALID_GFN &&
    !frames.isAllocated(mfn);
  findings.check(isBare, 'F1', 'frame.count', () => `free frame ${mfn} is still held`);
  findings.check(host.ram.isZero(mfn), 'F1', 'frame.bytes', () => `free frame ${mfn} is not zero`);
}

function auditInUse(host: Host, mfn: Mfn, findings: Findings): void {
  const { frames } = host;
  const references = frames.referencesOf(mfn);
  const types = frames.typeReferencesOf(mfn);
  const isOwned = frames.ownerOf(mfn) !== NOBODY;
  const isXenHeap = frames.isXenHeap(mfn);
  const check = (holds: boolean, id: string, what: string): void => {
    findings.check(holds, id, 'frame.count', () => `frame ${mfn} ${what}`);
  };
  check(!frames.isAllocated(mfn) || (references >= 1 && isOwned), 'F2', 'is allocated to nobody');
  check(references > 0 || !isOwned || isXenHeap, 'F3', 'is owned and nothing references it');
  check(references <= REFERENCE_LIMIT - 1, 'F4', 'has more references than may be');
  check(types <= references || isXenHeap, 'F5', 'has more type references than references');
  check(types === 0 || frames.isValidated(mfn), 'F6', 'has a type that nobody validated');
  check(types > 0 || !frames.isValidated(mfn) || frames.isWritable(mfn), 'F8', 'has no known type');
  check(types === 0 || frames.isWritable(mfn), 'F9', 'has a type other than writable');
  check(!isXenHeap || !isOwned || types >= 1, 'F17', 'is shared by Xen without its pinned type');
}

/** The equations F13 and F14, and what of them must hold even in between (I12, I13). */
function auditCounts(host: Host, mfn: Mfn, census: Census, findings: Findings): void {
  const { frames } = host;
  if (frames.ownerOf(mfn) === NOBODY) return;
  const references = frames.referencesOf(mfn);
  const allocation = frames.isAllocated(mfn) ? 1 : 0;
  const byPaging = census.pagingReferencesOn[mfn] ?? 0;
  const windows = census.windowsOn[mfn] ?? 0;
  const held = allocation + (census.handlesOn[mfn] ?? 0) + byPaging + windows;
  findings.check(references >= held, 'I12', 'frame.count', () => {
    return `frame ${mfn} has ${references} references, ${held} are held`;
  });
  findings.check(references === held, 'F13', 'frame.count', () => {
    return `frame ${mfn} has ${references} references, ${held} are accounted for`;
  });
  const types = frames.typeReferencesOf(mfn);
  const pinned = frames.isXenHeap(mfn) ? 1 : 0;
  const windowTypes = census.windowTypesOn[mfn] ?? 0;
  const entries = census.ownWritableEntriesOf[mfn] ?? 0;
  const typed = pinned + entries + (census.pagingTypesOn[mfn] ?? 0) + windowTypes;
  findings.check(types >= typed, 'I13', 'frame.type', () => {
    return `frame ${mfn} has ${types} type references, ${typed} are held`;
  });
  findings.check(types === typed, 'F14', 'frame.type', () => {
    return `frame ${mfn} has ${types} type references, ${typed} are accounted for`;
  });
}
