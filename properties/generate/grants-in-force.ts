import {
  GTF_accept_transfer,
  GTF_invalid,
  GTF_type_mask,
  V1_ENTRY_BYTES,
  V2_ENTRY_BYTES,
} from '../../abi/grant-table.js';
import { GrantRef, type DomainId } from '../../abi/ids.js';
import { wordAt } from '../../values/content.js';
import { get } from '../../values/keyed.js';
import type { Domain } from '../../model/state.js';
import { percent } from '../choose.js';
import type { Grant } from './attention.js';
import type { Scene } from './scene.js';

/** Whether a grant's entry, as it reads now, gives something to a domain. */
export function isInForce(scene: Scene, grantee: Domain, { granter, ref }: Grant): boolean {
  const domain = scene.domain(granter);
  return domain !== undefined && givesTo(scene, domain, ref, grantee.id);
}

/** Only the first word of the entry is read: flags and domain stand there in both versions. */
function givesTo({ machine, state }: Scene, granter: Domain, ref: number, to: DomainId): boolean {
  const perFrame = machine.refsPerFrame / granter.grantVersion;
  const frame = granter.grantFrames[Math.floor(ref / perFrame)];
  const page = frame === undefined ? undefined : get(state.pages, frame);
  if (page === undefined) return false;
  const bytes = granter.grantVersion === 1 ? V1_ENTRY_BYTES : V2_ENTRY_BYTES;
  const header = wordAt(page.content, ((ref % perFrame) * bytes) / 4);
  const type = header & GTF_type_mask;
  return header >>> 16 === to && type !== GTF_invalid && type !== GTF_accept_transfer;
}

/** A grant that a domain can use: one in use, one talked about or written lately, or any. */
export function grantInForce(scene: Scene, grantee: Domain): Grant | undefined {
  const { choose, attention } = scene;
  if (percent(choose, 25)) {
    const mapping = scene.some(grantee.mappings)?.value;
    if (mapping !== undefined) return mapping;
  }
  if (scene.attentive()) {
    const grant = attention.grant(choose);
    if (grant !== undefined && isInForce(scene, grantee, grant)) return grant;
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    const written = attention.writtenFor(choose, grantee.id);
    if (written === undefined) break;
    const grant = { granter: written.caller, ref: written.ref };
    if (isInForce(scene, grantee, grant)) return grant;
  }
  const granter = scene.running();
  if (granter === undefined) return undefined;
  for (let ref = 0; ref < scene.machine.reservedRefs + 4; ref++)
    if (givesTo(scene, granter, ref, grantee.id))
      return { granter: granter.id, ref: GrantRef(ref) };
  return undefined;
}

/** A grant, in force or not: what a domain may try that has no right to it. */
export function anyGrant(scene: Scene, caller: Domain): Grant {
  const remembered = scene.attention.writtenFor(scene.choose, caller.id);
  if (remembered !== undefined && percent(scene.choose, 50))
    return { granter: remembered.caller, ref: remembered.ref };
  const granter = scene.other(caller.id);
  return { granter, ref: scene.ref(scene.domain(granter)) };
}
