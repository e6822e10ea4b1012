import type { Host } from '../host.js';
import { Mfn } from '../../abi/ids.js';
import { ShadowPaging } from '../shadow/shadow.js';
import { bitOf, isOfTable } from '../shadow/types.js';
import type { ShadowState } from '../shadow/state.js';
import type { Findings } from './findings.js';
import { auditShadowEntries } from './shadow-entries.js';
import { auditOutOfSync } from './shadow-out-of-sync.js';
import { auditShadowPages } from './shadow-pages.js';
import { auditShadowRoots } from './shadow-roots.js';

/** Bits of a frame's shadows that are no type. */
const OUT_OF_SYNC = 0x8000;

/** The shadows of every domain against the guests' tables, the p2ms and each other (p2m.md 8.3). */
export function auditShadows(host: Host, findings: Findings): void {
  const bits = new Uint16Array(host.ram.frameCount);
  for (const { paging } of host.domains.guests()) {
    if (!(paging instanceof ShadowPaging)) continue;
    const { state } = paging;
    collectTypes(state, bits);
    auditShadowPages(state, findings);
    if (state.isClosed) continue;
    auditShadowEntries(state, findings);
    auditShadowRoots(state, findings);
    auditOutOfSync(state, findings);
  }
  auditMarks(host, bits, findings);
}

function collectTypes({ pages }: ShadowState, bits: Uint16Array): void {
  for (let page = 0; page < pages.pageCount; page += 1) {
    const type = pages.typeOf(page);
    if (!pages.isShadow(page) || !isOfTable(type)) continue;
    const key = pages.keyOf(page);
    bits[key] = (bits[key] ?? 0) | bitOf(type);
  }
}

/** F11, F12, S2: a frame is marked as a table as what it is shadowed, and as nothing else. */
function auditMarks(host: Host, bits: Uint16Array, findings: Findings): void {
  for (let frame = 0; frame < bits.length; frame += 1) {
    const marks = host.frames.shadowsOf(Mfn(frame));
    const types = marks & ~OUT_OF_SYNC;
    findings.check(types === bits[frame], 'F11', 'frame.shadows', () => {
      return `frame ${frame} is marked ${types.toString(2)}, its shadows are ${(bits[frame] ?? 0).toString(2)}`;
    });
    findings.check((marks & OUT_OF_SYNC) === 0 || types !== 0, 'F12', 'frame.shadows', () => {
      return `frame ${frame} is out of sync with no shadow`;
    });
  }
}
