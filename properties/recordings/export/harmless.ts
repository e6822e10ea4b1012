import { CONTROL, type DomainId } from '../../../abi/ids.js';
import type { Line } from '../../../abi/program.js';
import { XENMAPSPACE_gmfn_range } from '../../../abi/step.js';
import { WINDOW_ADDRESS, WINDOWS } from '../../../abi/windows.js';
import { PAGE_BYTES } from '../../../abi/word.js';
import type { Scene } from '../../generate/scene.js';
import { programPages } from '../toolstack.js';

/** Pages of the control domain's own that a program may use; what was in them is wiped. */
export const OWN_PAGES = 4;

/** Whether a line leaves the rig's own program alone, and asks for nothing that the rig cannot do. */
export function isHarmless(scene: Scene, line: Line): boolean {
  switch (line.op) {
    case 'load':
    case 'store':
    case 'cmpxchg':
    case 'xadd':
    case 'fetch':
      if (line.caller === CONTROL) return isWindow(line.address + 7);
      return isReachable(line.address) && !isProgram(line.address / PAGE_BYTES, 2);
    case 'map_foreign':
      return (
        line.window < EMPTIED &&
        isGuest(scene, line.domain) &&
        line.gfn < FRAMES &&
        !isProgram(line.gfn, 1)
      );
    case 'unmap_window':
      return line.window < EMPTIED;
    case 'setup_table':
      return line.list === undefined || isListed(line.list);
    case 'grant':
      return line.ref < REFS && !isProgram(line.frame, 1);
    case 'map':
      return !line.elements.some(({ address }) => isProgram(address / PAGE_BYTES, 1));
    case 'unmap':
      return !line.elements.some(({ address }) => isProgram(address / PAGE_BYTES, 1));
    case 'copy':
      return !line.elements.some(
        ({ source, dest }) => isProgram(source.at, 1) || isProgram(dest.at, 1),
      );
    case 'populate_physmap':
    case 'decrease_reservation':
      return !line.extents.some((gfn) => isProgram(gfn, 2 ** line.order));
    case 'remove_from_physmap':
      return !isProgram(line.gfn, 1);
    case 'exchange':
      return ![...line.given, ...line.taken].some((gfn) => isProgram(gfn, 1));
    case 'add_to_physmap': {
      const size = line.space === XENMAPSPACE_gmfn_range ? line.size : 1;
      return !isProgram(line.index, size) && !isProgram(line.gfn, size);
    }
    case 'add_to_physmap_batch':
      return !line.entries.some(({ index, gfn }) => isProgram(index, 1) || isProgram(gfn, 1));
    case 'set_memory_type':
      return isGuest(scene, line.domain) && !isProgram(line.gfn, line.count);
    case 'inspect_gfn':
    case 'memory_type':
      return isGuest(scene, line.domain) && line.gfn < FRAMES && !isProgram(line.gfn, 1);
    case 'create':
    case 'destroy':
    case 'domain_info':
    case 'set_memory_limit':
      return isGuest(scene, line.domain);
    default:
      return true;
  }
}

/** The rig empties so many windows after each program. */
const EMPTIED = 8;

const isWindow = (address: number): boolean => {
  const page = Math.floor((address - WINDOW_ADDRESS) / PAGE_BYTES);
  return page < EMPTIED || (page >= WINDOWS && page < WINDOWS + OWN_PAGES);
};

/** The list is written by linear address, which is the same only as far as the identity map goes. */
const isListed = (list: number): boolean => list < 2 ** 32 && !isProgram(list / PAGE_BYTES, 2);

const isGuest = ({ machine }: Scene, domain: DomainId): boolean =>
  domain !== CONTROL && domain <= machine.domains;

/** Whether pages from `first` on are among those of the rig's program. */
const isProgram = (first: number, count: number): boolean =>
  first < programPages.gfn + programPages.count && Math.floor(first) + count > programPages.gfn;

/** The guest's program reaches what is below this by its own page tables. */
const REACH = 2 ** 39 + 2 ** 30;

/** It writes its grant table where an address is 32 bits long. */
const REFS = 2 ** 24;

/** It looks at a gfn by mapping it: a page-table entry has so many frames. */
const FRAMES = 2 ** 40;

const isReachable = (address: number): boolean => address <= REACH;
