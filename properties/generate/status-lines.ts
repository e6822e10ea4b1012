import { GTF_permit_access } from '../../abi/grant-table.js';
import { GrantRef } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { percent } from '../choose.js';
import { mapTableLine } from './physmap-lines.js';
import { addressOf, emptyGfn, statusGfn, tableGfn } from './places.js';
import type { Scene } from './scene.js';

/**
 * A domain shows its status frame to somebody, who holds it when the domain goes back to version 1: to
 * a device model, or by a grant whose ref outlives a change of version.
 */
export function statusLine(scene: Scene): Line | undefined {
  const { choose, machine } = scene;
  const domain = scene.running();
  if (domain?.grantVersion !== 2) return undefined;
  const by = { caller: domain.id, vcpu: scene.vcpu };
  if (percent(choose, 40)) {
    const window = choose.below(5);
    const readonly = percent(choose, 50);
    const gfn = statusGfn(scene);
    scene.followUps.push({ op: 'map_foreign', window, domain: domain.id, gfn, readonly });
  } else {
    const ref = GrantRef(choose.below(machine.reservedRefs));
    const to = scene.other(domain.id);
    const grantee = scene.domain(to);
    if (grantee === undefined) return undefined;
    const address = addressOf(emptyGfn(scene, grantee), 0);
    scene.followUps.push(
      {
        op: 'grant',
        ...by,
        ref,
        table: tableGfn(scene),
        version: 2,
        flags: GTF_permit_access,
        to,
        frame: statusGfn(scene),
        detail: { is: 'none' },
      },
      {
        op: 'map',
        caller: to,
        vcpu: scene.vcpu,
        elements: [{ granter: domain.id, ref, address, flags: 2 }],
      },
    );
  }
  scene.followUps.push({ op: 'set_version', ...by, version: 1 });
  return mapTableLine(scene, domain, 0, true);
}
