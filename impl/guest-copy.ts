import { Gfn } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import type { Host } from './host.js';
import { demand } from './on-demand.js';
import { getPage, putPage } from './pages.js';
import { isRam, mfnOf } from './tables/p2m-entry.js';
import { isReadonlyRam } from './tables/p2m-entry.js';

const BYTES = 8;

/**
 * Writes the eight bytes of a hypercall's result into guest memory, page by page. False where a
 * page is not the guest's own RAM: bytes of pages before it stay written. Grant mappings, even of
 * the guest's own pages, hold no hypercall buffers (grants.md 5.3, p2m.md 3.5). Into readonly RAM
 * nothing is written, and nobody told.
 */
export function copyToGuest(
  host: Host,
  domain: Domain,
  address: number,
  low: number,
  high: number,
): boolean {
  let page: Mfn | undefined;
  let isReadonly = false;
  for (let byte = 0; byte < BYTES; byte += 1) {
    const at = address + byte;
    const offset = at % PAGE_BYTES;
    if (page !== undefined && offset === 0) {
      putPage(host, page);
      page = undefined;
    }
    const gfn = Gfn(Math.floor(at / PAGE_BYTES));
    page ??= getBufferPage(host, domain, gfn);
    if (page === undefined) return false;
    if (byte === 0 || offset === 0) isReadonly = isReadonlyRam(domain.p2m.lookup(gfn));
    if (isReadonly) continue;
    const half = byte < 4 ? low : high;
    host.ram.store8(page, offset, (half >>> ((byte % 4) * 8)) & 0xff);
    frameWritten(host, page, offset, offset + 1);
  }
  if (page !== undefined) putPage(host, page);
  return true;
}

function getBufferPage(host: Host, domain: Domain, gfn: Gfn): Mfn | undefined {
  demand(host, domain, gfn);
  const found = domain.p2m.lookup(gfn);
  if (!isRam(found)) return undefined;
  if (!getPage(host, mfnOf(found), domain)) return undefined;
  return mfnOf(found);
}
