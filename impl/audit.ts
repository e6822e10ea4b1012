import type { DomainId, Gfn, Mfn } from '../abi/ids.js';
import type { Changes, EntryView, HypervisorFrames } from '../abi/observer.js';
import type { Observer, View, Violation } from '../abi/observer.js';
import { takeCensus } from './audit/census.js';
import { auditChanged } from './audit/changed.js';
import { auditDomains } from './audit/domains.js';
import { Findings } from './audit/findings.js';
import { auditFrames } from './audit/frames.js';
import { auditGrantTables } from './audit/grant-tables.js';
import { auditMaptracks } from './audit/maptracks.js';
import { auditP2m } from './audit/p2m.js';
import { auditShadows } from './audit/shadows.js';
import { auditTlbs } from './audit/tlbs.js';
import { GAP_VIEW, entryView, viewOf } from './audit/view.js';
import { NOBODY } from './tables/frame-table.js';
import type { Host } from './host.js';
import type { Hypervisor } from './hypervisor.js';
import { NOTHING } from './tables/p2m-entry.js';

/**
 * The only way to look inside. Every derived table is recomputed from its source: what differs is a
 * violation, under the id it has in the fact sheets (grants.md 14, p2m.md 8). Observing starts the
 * logs of changes; it changes nothing else.
 */
export function observe(hypervisor: Hypervisor): Observer {
  return new HostObserver(hypervisor.host);
}

/** A record of changes that is filled anew at each call. */
interface ChangeRecord extends Changes {
  entryCount: number;
  entryDomain: readonly DomainId[];
  entryGfn: readonly Gfn[];
  frameCount: number;
  frame: readonly Mfn[];
  from: readonly number[];
  to: readonly number[];
}

class HostObserver implements Observer {
  readonly #host: Host;
  readonly #changes: ChangeRecord = {
    entryCount: 0,
    entryDomain: [],
    entryGfn: [],
    frameCount: 0,
    frame: [],
    from: [],
    to: [],
  };

  constructor(host: Host) {
    this.#host = host;
    host.ram.log.switchOn();
    host.entryLog.switchOn();
  }

  changes(): Changes {
    const entries = this.#host.entryLog.turn();
    const written = this.#host.ram.log.turn();
    let kept = 0;
    for (let row = 0; row < written.count; row += 1) {
      const mfn = written.frame[row];
      if (mfn === undefined || this.#host.frames.ownerOf(mfn) === NOBODY) continue;
      written.frame[kept] = mfn;
      written.from[kept] = written.from[row] ?? 0;
      written.to[kept] = written.to[row] ?? 0;
      kept += 1;
    }
    const changes = this.#changes;
    changes.entryCount = entries.count;
    changes.entryDomain = entries.domain;
    changes.entryGfn = entries.gfn;
    changes.frameCount = kept;
    changes.frame = written.frame;
    changes.from = written.from;
    changes.to = written.to;
    return changes;
  }

  entryAt(id: DomainId, gfn: Gfn): EntryView | undefined {
    const p2m = this.#host.domains.byId(id)?.p2m;
    const found = p2m?.lookup(gfn) ?? NOTHING;
    if (found !== NOTHING) return entryView(found);
    return p2m?.isGap(gfn) === true ? GAP_VIEW : undefined;
  }

  hypervisorFramesOf(id: DomainId): HypervisorFrames | undefined {
    const domain = this.#host.domains.byId(id);
    if (domain?.sharedInfo === undefined) return undefined;
    const { frames: grantFrames, statusFrames } = domain.grants;
    return { grantFrames, statusFrames, sharedInfo: domain.sharedInfo };
  }

  wordOf(mfn: Mfn, index: number): number {
    return this.#host.ram.tableWord(mfn, index);
  }

  auditChanges(): readonly Violation[] {
    return auditChanged(this.#host);
  }

  audit(): readonly Violation[] {
    const findings = new Findings();
    const census = takeCensus(this.#host);
    auditP2m(this.#host, census, findings);
    auditGrantTables(this.#host, census, findings);
    auditMaptracks(this.#host, findings);
    auditFrames(this.#host, census, findings);
    auditDomains(this.#host, census, findings);
    auditTlbs(this.#host, census, findings);
    auditShadows(this.#host, findings);
    return findings.violations;
  }

  view(): View {
    return viewOf(this.#host);
  }
}
