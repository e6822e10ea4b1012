import type { Line } from '../../abi/program.js';
import type { WindowCall } from '../../abi/step.js';
import type { Rewrite } from './rewrite-numbers.js';

/** A call about the control domain's windows with every number replaced. */
export function rewriteWindow(line: WindowCall, by: Rewrite): Line {
  const window = by.number(line.window, 'count');
  if (line.op === 'unmap_window') return { ...line, window };
  return { ...line, window, domain: by.domain(line.domain), gfn: by.gfn(line.gfn, line.domain) };
}
