import { CONTROL, type DomainId } from '../../abi/ids.js';
import type { Toolstack } from '../../abi/step.js';
import { findKey } from '../../values/keyed.js';
import { percent } from '../choose.js';
import type { Scene } from './scene.js';
import { renewalLine } from './toolstack-lines.js';

/**
 * Domains end while others hold what is theirs, and come to be again under the same id: what was
 * said of the former one, in grants and by handles, is tried on the next.
 */
export function lifeLine(scene: Scene): Toolstack | undefined {
  const renewal = renewalLine(scene);
  if (renewal !== undefined || !percent(scene.choose, 12)) return renewal;
  const granter = lender(scene);
  const domain = granter === undefined || percent(scene.choose, 25) ? scene.anyId() : granter;
  return scene.domain(domain) === undefined ? undefined : { op: 'destroy', domain };
}

/** A domain of which another has something mapped. */
function lender({ state }: Scene): DomainId | undefined {
  let found: DomainId | undefined;
  findKey(state.domains, ({ id, mappings }) => {
    findKey(mappings, ({ granter }) => {
      if (granter !== id && granter !== CONTROL) found = granter;
      return found !== undefined;
    });
    return found !== undefined;
  });
  return found;
}
