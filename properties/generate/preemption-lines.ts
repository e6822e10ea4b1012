import { CONTROL, DomainId, FIRST_VCPU, VcpuId } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import type { Domain, Vcpu } from '../../model/state.js';
import { get } from '../../values/keyed.js';
import { percent, pick } from '../choose.js';
import { controlBatchLine } from './control-grant-lines.js';
import { copyLine } from './copy-lines.js';
import { inMemory, isCall } from './hypercall-lines.js';
import { mapLine } from './map-lines.js';
import { physmapLine } from './physmap-lines.js';
import { memoryTypeLine } from './memory-type-lines.js';
import { onDemandLine } from './on-demand-lines.js';
import { resourceLine } from './resource-lines.js';
import type { Scene } from './scene.js';
import { swapLine } from './table-lines.js';
import { unmapLine } from './unmap-lines.js';

/** Who is told to stop, or to go on. */
interface Place {
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
}

/**
 * A vcpu is interrupted, makes a call that is long enough to be stopped, and goes on with it, mostly
 * not at once; or is interrupted again before it does.
 */
export function preemptionLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const dying = scene.machine.vcpus > 1 ? dyingDomain(scene) : undefined;
  if (dying !== undefined && percent(choose, 40))
    return { ...physmapLine(scene, dying), caller: CONTROL, vcpu: VcpuId(1), target: dying.id };
  const stopped = someVcpu(scene, ({ pending }) => pending !== undefined);
  if (stopped !== undefined && percent(choose, 50)) {
    const isTold = vcpuAt(scene, stopped)?.interrupt !== undefined;
    if (!isTold && percent(choose, 45)) return { op: 'interrupt', ...stopped, after: units(scene) };
    return { op: 'resume', ...stopped };
  }
  const told = someVcpu(
    scene,
    ({ interrupt, pending }) => interrupt !== undefined && pending === undefined,
  );
  if (told !== undefined && percent(choose, 85)) return longCall(scene, told);
  const place = someBody(scene);
  if (place === undefined) return undefined;
  if (scene.hostile()) return { op: 'resume', ...place };
  return { op: 'interrupt', ...place, after: units(scene) };
}

/** The domain that is being destroyed: for now the control domain may still change its memory. */
function dyingDomain(scene: Scene): Domain | undefined {
  const { pending } = get(scene.state.domains, CONTROL)?.vcpus[FIRST_VCPU] ?? {};
  return pending?.call.op === 'destroy' ? scene.domain(pending.call.domain) : undefined;
}

/** Who is asked for something else in the middle of a call mostly goes on with the call instead. */
export function resumedInstead(scene: Scene, line: Line): Line {
  const isByToolstack = ['destroy', 'set_memory_type', 'pod_target'].includes(line.op);
  const by = 'caller' in line ? line : isByToolstack ? toolstack : undefined;
  if (by === undefined || line.op === 'interrupt' || line.op === 'resume') return line;
  const { caller, vcpu } = by;
  if (vcpuAt(scene, by)?.pending === undefined || percent(scene.choose, 30)) return line;
  return { op: 'resume', caller, vcpu };
}

const vcpuAt = (scene: Scene, { caller, vcpu }: Place): Vcpu | undefined =>
  get(scene.state.domains, caller)?.vcpus[vcpu];

const toolstack: Place = { caller: CONTROL, vcpu: FIRST_VCPU };

const units = (scene: Scene): number =>
  scene.hostile() ? pick(scene.choose, [0, 0xffff_ffff]) : pick(scene.choose, [1, 1, 1, 2, 3]);

/** A guest that runs, or the control domain. */
function someBody(scene: Scene): Place | undefined {
  const { choose, vcpu } = scene;
  if (percent(choose, 25))
    return { caller: CONTROL, vcpu: percent(choose, 60) ? FIRST_VCPU : vcpu };
  const caller = scene.running()?.id;
  return caller === undefined ? undefined : { caller, vcpu };
}

/** A call of several units on that vcpu, in memory or not; sometimes what has to come before one. */
function longCall(scene: Scene, place: Place): Line | undefined {
  scene.wantsBatch = true;
  const line = batchBy(scene, place);
  scene.wantsBatch = false;
  const { caller, vcpu } = place;
  if (line === undefined || !('caller' in line) || line.caller !== caller) return line;
  if (isCall(line) && caller !== CONTROL && percent(scene.choose, 50))
    return inMemory(scene, { ...line, vcpu });
  return { ...line, vcpu };
}

function batchBy(scene: Scene, { caller, vcpu }: Place): Line | undefined {
  const { choose } = scene;
  if (caller === CONTROL) {
    const domain = scene.domain(scene.anyId());
    if (domain === undefined) return undefined;
    // What has mapped something takes more than one step to destroy.
    const isLong = domain.mappings !== undefined && vcpu === FIRST_VCPU;
    if (percent(choose, isLong ? 70 : 5)) return { op: 'destroy', domain: domain.id };
    const way = choose.below(100);
    if (way < 12) return resourceLine(scene);
    if (way < 30 && vcpu === FIRST_VCPU) return memoryTypeLine(scene);
    if (way < 45 && vcpu === FIRST_VCPU) return onDemandLine(scene);
    if (way < 70) return controlBatchLine(scene);
    return { ...physmapLine(scene, domain), caller, target: domain.id };
  }
  const domain = scene.domain(caller);
  if (domain === undefined) return undefined;
  const way = choose.below(100);
  if (way < 35) return mapLine(scene, domain);
  if (way < 50 && domain.mappings !== undefined) return unmapLine(scene, domain);
  if (way < 70) return copyLine(scene, domain);
  if (way < 75) return swapLine(scene, domain);
  return physmapLine(scene, domain);
}

/** A vcpu of a domain, the control domain's too, of which something is true. */
function someVcpu(scene: Scene, test: (vcpu: Vcpu) => boolean): Place | undefined {
  const domains = scene.machine.domains + 1;
  const start = scene.choose.below(domains);
  for (let i = 0; i < domains; i++) {
    const caller = DomainId((start + i) % domains);
    const vcpu = get(scene.state.domains, caller)?.vcpus.findIndex(test) ?? -1;
    if (vcpu >= 0) return { caller, vcpu: VcpuId(vcpu) };
  }
  return undefined;
}
