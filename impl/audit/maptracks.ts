import { Handle } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import type { Findings } from './findings.js';

/** Handles: each in one place, and leading to a domain that exists (grants.md 14). */
export function auditMaptracks(host: Host, findings: Findings): void {
  for (const domain of [...host.domains.guests(), host.control()]) {
    auditMaptrack(host, domain, findings);
  }
}

/** I9, I10, I11, I21. */
function auditMaptrack(host: Host, domain: Domain, findings: Findings): void {
  const { maptrack } = domain;
  const limit = maptrack.limit();
  const check = (holds: boolean, id: string, what: string): void => {
    findings.check(holds, id, 'maptrack.handle', () => `domain ${domain.id}: ${what}`);
  };
  check(!domain.isTornDown || limit === 0, 'I21', `${limit} handles outlive the domain`);
  if (domain.isDying) return;
  const frames = limit / maptrack.handlesPerFrame;
  const isWhole = Number.isInteger(frames) && frames <= maptrack.frameLimit;
  check(isWhole, 'I9', `${limit} handles are not whole frames within the limit`);

  const places = new Int32Array(limit);
  let queues = 0;
  for (let vcpu = 0; vcpu < host.machine.vcpus; vcpu += 1) {
    let length = 0;
    maptrack.forEachFree(vcpu, (handle) => {
      length += 1;
      check(!maptrack.isLive(handle), 'I9', `handle ${handle} is live and free`);
      if (handle < limit) places[handle] = (places[handle] ?? 0) + 1;
    });
    if (length > 0) queues += 1;
  }
  let live = 0;
  for (let row = 0; row < limit; row += 1) {
    const handle = Handle(row);
    const count = places[row] ?? 0;
    if (!maptrack.isLive(handle)) {
      check(count === 1, 'I9', `handle ${row} is free in ${count} places`);
      continue;
    }
    live += 1;
    const granter = host.domains.byId(maptrack.granterOf(handle));
    check(granter !== undefined, 'I11', `handle ${row} maps a page of a domain that is gone`);
  }
  const most = maptrack.handlesPerFrame * maptrack.frameLimit - queues;
  check(live <= most || live === 0, 'I10', `${live} handles are live of ${most} that may be`);
}
