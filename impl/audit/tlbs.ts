import { INVALID_GFN, Mfn } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import { RIGHT_DIRTY, RIGHT_RW } from '../hardware/rights.js';
import type { Host } from '../host.js';
import { NOBODY } from '../tables/frame-table.js';
import { isRam, mfnOf, permitsStore } from '../tables/p2m-entry.js';
import type { Vcpu } from '../vcpu.js';
import type { Census } from './census.js';
import type { Findings } from './findings.js';

/** What the processors remember, against what the p2ms say now (p2m.md 5.4, 8.4). */
export function auditTlbs(host: Host, census: Census, findings: Findings): void {
  for (const domain of host.domains.guests()) {
    const reached = reachedBy(domain, census);
    for (const vcpu of domain.vcpus) auditTlb(host, domain, vcpu, reached, findings);
  }
}

/** The frames that a p2m maps, those it lets the guest store to, and of these the grant mappings. */
interface Reached {
  readonly frames: ReadonlySet<number>;
  readonly writable: ReadonlySet<number>;
  readonly granted: ReadonlySet<number>;
}

function reachedBy(domain: Domain, census: Census): Reached {
  const entries = census.domains.get(domain)?.entries ?? [];
  const writable = entries.filter(({ found }) => permitsStore(found));
  return {
    frames: new Set(entries.map(({ found }) => mfnOf(found))),
    writable: new Set(writable.map(({ found }) => mfnOf(found))),
    granted: new Set(
      writable.filter(({ found }) => !isRam(found)).map(({ found }) => mfnOf(found)),
    ),
  };
}

/**
 * T2, T3, T4, T6, T11. No frame is remembered that is free, that left the p2m, or with more rights
 * than the p2m gives, or than the log of written gfns lets it have.
 */
function auditTlb(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  reached: Reached,
  findings: Findings,
): void {
  const { frames } = host;
  const { cpu } = vcpu;
  cpu.tlb.forEach((_high, low, frame, rights) => {
    const check = (holds: boolean, id: string, what: string): void => {
      findings.check(holds, id, 'vcpu.tlb', () => {
        return `vcpu ${vcpu.id} of domain ${domain.id} remembers page ${low >>> 12} as frame ${frame}, ${what}`;
      });
    };
    const mfn = Mfn(frame);
    const isKept = frames.isXenHeap(mfn) || frames.referencesOf(mfn) >= 1;
    check(isKept && frames.ownerOf(mfn) !== NOBODY, 'T2', 'which nothing keeps');
    const isMapped = reached.frames.has(frame);
    check(isMapped, 'T3', 'which its p2m does not map');
    check(frames.ownerOf(mfn) === domain.id || isMapped, 'T6', "which is another domain's");
    // Without nested tables the processor minds the entry's RW in supervisor writes, too.
    const isWritable = (rights & RIGHT_DIRTY) !== 0 && (cpu.isNested || (rights & RIGHT_RW) !== 0);
    // What is written through a grant mapping is logged when the mapping ends.
    const isNoted = reached.granted.has(frame) || isLogged(host, domain, mfn);
    check(!isWritable || isNoted, 'T11', 'writable, and that is not logged');
    check(
      !isWritable || reached.writable.has(frame),
      'T4',
      'writable, and its p2m does not say so',
    );
  });
}

/** A page of the domain's own that a processor may write is in the domain's log, if it has one. */
function isLogged(host: Host, domain: Domain, mfn: Mfn): boolean {
  if (domain.dirtyLog === undefined || host.frames.ownerOf(mfn) !== domain.id) return true;
  const gfn = host.frames.gfnOf(mfn);
  return gfn === INVALID_GFN || domain.dirtyLog.has(gfn);
}
