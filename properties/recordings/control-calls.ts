import { CONTROL } from '../../abi/ids.js';
import { access, accessArguments, tableAccess, type Layout } from './accesses.js';
import { withNumbers, type TableFrames } from './control-names.js';
import type { Fields } from './fields.js';
import { grantCall } from './grant-calls.js';
import { notBuilt, type Meaning, type NotBuilt } from './meaning.js';

/** What the control domain's kernel does besides memory calls: its grant calls and its accesses. */
export function controlCall(
  operation: string,
  args: Fields,
  layout: Layout,
  tableFrames: TableFrames,
): Meaning | NotBuilt {
  const [family = '', name] = operation.split('.');
  const numbers = withNumbers(args);
  if (family === 'gnt' && name !== undefined && controlGrants.has(name))
    return tableFrames.told(grantCall(name, numbers, CONTROL), args);
  if (family === 'gt' && name !== undefined) return tableAccess(name, numbers, CONTROL, layout);
  if (!Object.hasOwn(accessArguments, operation) || operation === 'exec' || operation === 'xadd')
    return notBuilt(`${operation} by the control domain`);
  return access(operation, numbers, CONTROL);
}

/** What the control domain can ask of grant tables. */
const controlGrants: ReadonlySet<string> = new Set([
  'map',
  'unmap',
  'unmap_replace',
  'copy',
  'swap',
  'setup_table',
  'query_size',
  'get_version',
  'status_frames',
  'dump_table',
  'transfer',
  'cache_flush',
]);
