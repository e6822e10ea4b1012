import {
  GTF_accept_transfer,
  GTF_permit_access,
  GTF_readonly,
  GTF_reading,
  GTF_sub_page,
  GTF_transitive,
  GTF_writing,
  type GrantVersion,
} from '../../abi/grant-table.js';
import { DOMID_SELF, DomainId, Gfn, type GrantRef } from '../../abi/ids.js';
import type { GrantLine } from '../../abi/program.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { statusGfn, ramGfn, strangeGfn, tableGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/**
 * A guest writes an entry of its grant table: a new grant (to a certain domain where one is named),
 * a changed one, a withdrawn one.
 */
export function grantLine(scene: Scene, domain: Domain, to?: DomainId): GrantLine {
  const { choose } = scene;
  const ref = to === undefined ? grantedRef(scene, domain) : scene.ref(domain);
  const previous = scene.attention.lastWriting({ granter: domain.id, ref });
  const rewrite = to === undefined && previous !== undefined && percent(choose, 40);
  const line = rewrite
    ? changed(scene, domain, previous)
    : fresh(scene, domain, ref, to ?? grantee(scene, domain));
  scene.attention.wrote(line);
  scene.attention.on({ granter: domain.id, ref });
  if (line.frame < 2 ** 40) scene.attention.at({ domain: domain.id, gfn: Gfn(line.frame) });
  return line;
}

/** Withdraws the grant of a ref: the whole entry becomes zero. */
export const withdrawLine = (scene: Scene, domain: Domain, ref: GrantRef): GrantLine =>
  entryLine(scene, domain, ref, domain.grantVersion, 0, DomainId(0), 0, NO_DETAIL);

/** A ref of this domain: often one that was in use just now. */
function grantedRef(scene: Scene, domain: Domain): GrantRef {
  if (scene.attentive()) {
    const grant = scene.attention.grant(scene.choose);
    if (grant?.granter === domain.id) return grant.ref;
  }
  return scene.ref(domain);
}

const NO_DETAIL: GrantLine['detail'] = { is: 'none' };

/** One literal: lines of one shape are made and read faster than lines put together by spreading. */
const entryLine = (
  scene: Scene,
  { id }: Domain,
  ref: GrantRef,
  version: GrantVersion,
  flags: number,
  to: DomainId,
  frame: number,
  detail: GrantLine['detail'],
): GrantLine => ({
  op: 'grant',
  caller: id,
  vcpu: scene.vcpu,
  ref,
  table: tableGfn(scene),
  version,
  flags,
  to,
  frame,
  detail,
});

/** The layout in force, now and then the wrong one. */
function versionWritten(scene: Scene, domain: Domain): GrantVersion {
  const other = domain.grantVersion === 1 ? 2 : 1;
  return scene.hostile() && percent(scene.choose, 20) ? other : domain.grantVersion;
}

function fresh(scene: Scene, domain: Domain, ref: GrantRef, to: DomainId): GrantLine {
  const version = versionWritten(scene, domain);
  const { flags, detail } = kind(scene, domain, version);
  const frame = grantedFrame(scene, domain);
  return entryLine(scene, domain, ref, version, withJunk(scene, flags), to, frame, detail);
}

/** One field of an entry rewritten, perhaps while the grant is in use. */
function changed(scene: Scene, domain: Domain, previous: GrantLine): GrantLine {
  const version = versionWritten(scene, domain);
  let { flags, to, frame, detail } = previous;
  switch (scene.choose.below(6)) {
    case 0:
      flags = 0;
      break;
    case 1:
      flags ^= GTF_readonly;
      break;
    case 2:
      frame = grantedFrame(scene, domain);
      break;
    case 3:
      to = grantee(scene, domain);
      break;
    case 4:
      flags = withJunk(scene, flags | GTF_permit_access);
      break;
    default:
      ({ flags, detail } = kind(scene, domain, version));
  }
  return entryLine(scene, domain, previous.ref, version, flags, to, frame, detail);
}

function kind(
  scene: Scene,
  domain: Domain,
  version: GrantVersion,
): Pick<GrantLine, 'flags' | 'detail'> {
  const { choose } = scene;
  const access = GTF_permit_access | (percent(choose, 35) ? GTF_readonly : 0);
  if (scene.hostile())
    return {
      flags: pick(choose, [0, GTF_accept_transfer, GTF_transitive, access | GTF_sub_page, 0xffff]),
      detail: NO_DETAIL,
    };
  if (version === 1 || percent(choose, 50)) return { flags: access, detail: NO_DETAIL };
  if (percent(choose, 50)) {
    const start = pick(choose, [0, 8, 16, 512, 4080]);
    const length = pick(choose, [8, 16, 64, 4096]);
    const window = percent(choose, 8)
      ? { offset: pick(choose, [4095, 4096, 0x8000, 0x8010, 0xffff]), length }
      : { offset: start, length };
    return { flags: access | GTF_sub_page, detail: { is: 'sub_page', ...window } };
  }
  return {
    flags: GTF_transitive | (percent(choose, 20) ? GTF_readonly : 0),
    detail: { is: 'transitive', ...inner(scene, domain) },
  };
}

/** What a transitive grant leads to: preferably a grant that this domain was given. */
function inner(
  scene: Scene,
  domain: Domain,
): { readonly domain: DomainId; readonly ref: GrantRef } {
  const given = scene.attention.writtenFor(scene.choose, domain.id);
  if (given !== undefined && !scene.hostile()) return { domain: given.caller, ref: given.ref };
  const granter = scene.target(domain.id, scene.other(domain.id));
  return { domain: granter, ref: scene.ref(scene.domain(granter)) };
}

function grantee(scene: Scene, domain: Domain): DomainId {
  if (percent(scene.choose, 6)) return domain.id;
  if (scene.hostile()) return pick(scene.choose, [DOMID_SELF, scene.anyId(), DomainId(0)]);
  const to = scene.other(domain.id);
  return scene.domain(to) === undefined ? scene.other(domain.id) : to;
}

function grantedFrame(scene: Scene, domain: Domain): number {
  const { choose } = scene;
  if (scene.hostile())
    return percent(choose, 50) ? strangeGfn(scene) : pick(choose, [2 ** 32, 2 ** 32 + 1, 2 ** 31]);
  if (percent(choose, 5))
    return pick(choose, [tableGfn(scene), tableGfn(scene) + 1, statusGfn(scene)]);
  if (domain.grantVersion === 2 && percent(choose, 4)) return statusGfn(scene);
  return percent(choose, 85) ? ramGfn(scene, domain) : usedGfn(scene, domain);
}

/** Bits that Xen keeps for itself, or that mean nothing, as a hostile or stale guest writes them. */
function withJunk(scene: Scene, flags: number): number {
  if (!scene.hostile()) return flags;
  const bits = [GTF_reading, GTF_writing, GTF_reading | GTF_writing, 0x20, 0xe000, GTF_sub_page];
  return flags | pick(scene.choose, bits);
}
