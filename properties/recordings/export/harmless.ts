import { CONTROL, type DomainId } from '../../../abi/ids.js';
import type { Line } from '../../../abi/program.js';
import { XENMAPSPACE_gmfn_range } from '../../../abi/step.js';
import { PAGE_BYTES } from '../../../abi/word.js';
import type { Scene } from '../../generate/scene.js';
import { programPages } from '../toolstack.js';

/** Whether a line leaves the rig's own program alone, and asks for nothing that the rig cannot do. */
export function isHarmless(scene: Scene, line: Line): boolean {
  switch (line.op) {
    case 'load':
    case 'store':
    case 'cmpxchg':
    case 'xadd':
    case 'fetch':
      return isReachable(line.address) && !isProgram(line.address / PAGE_BYTES, 2);
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
