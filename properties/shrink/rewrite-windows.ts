import { Handle } from '../../abi/ids.js';
import type { FlushLine, Line, ReplaceLine } from '../../abi/program.js';
import type { GetStatusFrames, TransferGrant, WindowCall } from '../../abi/step.js';
import { ownOf, rewriteAddress, type Rewrite } from './rewrite-numbers.js';

/** A call about the control domain's windows with every number replaced. */
export function rewriteWindow(line: WindowCall, by: Rewrite): Line {
  const window = by.number(line.window, 'count');
  if (line.op === 'unmap_window') return { ...line, window };
  return { ...line, window, domain: by.domain(line.domain), gfn: by.gfn(line.gfn, line.domain) };
}

/** A grant operation that only the control domain has. */
export function rewriteControlGrant(
  line: ReplaceLine | GetStatusFrames | TransferGrant | FlushLine,
  by: Rewrite,
): Line {
  const own = ownOf(line, by);
  if (line.op === 'transfer')
    return {
      ...line,
      ...own,
      elements: line.elements.map(({ gfn, target, ref }) => ({
        gfn: by.gfn(gfn, line.caller),
        target: by.domain(target),
        ref: by.ref(ref, target),
      })),
    };
  if (line.op === 'write_back')
    return {
      ...line,
      ...own,
      elements: line.elements.map(({ deviceAddress: at, offset, length, flags }) => ({
        deviceAddress: typeof at === 'number' ? by.number(at, 'count') : at,
        offset: by.number(offset, 'offset'),
        length: by.number(length, 'length'),
        flags: by.number(flags, 'flags'),
      })),
    };
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
