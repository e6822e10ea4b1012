import { Handle } from '../../abi/ids.js';
import type { Line, ReplaceLine } from '../../abi/program.js';
import type { GetStatusFrames, WindowCall } from '../../abi/step.js';
import { ownOf, rewriteAddress, type Rewrite } from './rewrite-numbers.js';

/** A call about the control domain's windows with every number replaced. */
export function rewriteWindow(line: WindowCall, by: Rewrite): Line {
  const window = by.number(line.window, 'count');
  if (line.op === 'unmap_window') return { ...line, window };
  return { ...line, window, domain: by.domain(line.domain), gfn: by.gfn(line.gfn, line.domain) };
}

/** A grant operation that only the control domain has. */
export function rewriteControlGrant(line: ReplaceLine | GetStatusFrames, by: Rewrite): Line {
  const own = ownOf(line, by);
  if (line.op === 'get_status_frames') {
    const frames = by.number(line.frames, 'count');
    return { ...line, ...own, target: by.domain(line.target), frames };
  }
  const { caller } = line;
  const elements = line.elements.map(({ handle, address, newAddress }) => ({
    handle: typeof handle === 'number' ? Handle(by.number(handle, 'handle')) : handle,
    address: rewriteAddress(address, caller, by),
    newAddress: rewriteAddress(newAddress, caller, by),
  }));
  return { ...line, ...own, elements };
}
