import type { Line } from '../../abi/program.js';
import type { Toolstack } from '../../abi/step.js';
import type { Rewrite } from './rewrite-numbers.js';

/** An operation of the toolstack with every number replaced; a configuration is left alone. */
export function rewriteToolstack(line: Extract<Line, Toolstack>, by: Rewrite): Line {
  if (line.op === 'fail_next') return { ...line, after: by.number(line.after, 'count') };
  const domain = by.domain(line.domain);
  switch (line.op) {
    case 'pod_target':
      return line.target === undefined
        ? { ...line, domain }
        : { ...line, domain, target: by.number(line.target, 'count') };
    case 'memory_type':
    case 'inspect_gfn':
      return { ...line, domain, gfn: by.gfn(line.gfn, line.domain) };
    case 'set_memory_type':
      return {
        ...line,
        domain,
        gfn: by.gfn(line.gfn, line.domain),
        count: by.number(line.count, 'count'),
        type: by.number(line.type, 'flags'),
      };
    case 'set_memory_limit':
      return { ...line, domain, pages: by.number(line.pages, 'count') };
    case 'create':
    case 'destroy':
    case 'domain_info':
    case 'log_dirty':
    case 'pause':
    case 'unpause':
      return { ...line, domain };
  }
}
