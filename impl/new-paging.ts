import { CONTROL } from '../abi/ids.js';
import type { Domain } from './domain.js';
import { NestedPaging } from './hap.js';
import type { Host } from './host.js';
import type { Paging } from './paging.js';
import { ShadowPaging } from './shadow/shadow.js';

/** The paging of a new domain. The control domain has no vcpus here, and nothing to serve. */
export function newPaging(host: Host, domain: Domain): Paging {
  if (domain.id === CONTROL || host.machine.paging === 'hap') return new NestedPaging(domain);
  return new ShadowPaging(host, domain);
}
