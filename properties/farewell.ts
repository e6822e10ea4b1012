import { ENTRY_ADDRESS } from '../abi/control-grants.js';
import { CONTROL, DomainId, GrantRef, GuestPhysical, Handle, VcpuId } from '../abi/ids.js';
import type { Line } from '../abi/program.js';
import { PAGE_BYTES } from '../abi/word.js';
import { WINDOW_ADDRESS } from '../abi/windows.js';
import { isRunning } from '../model/derived.js';

import { findKey, get } from '../values/keyed.js';
import { entries } from './keyed-entries.js';
import type { Domain, State } from '../model/state.js';
import { withdrawLine } from './generate/grant-lines.js';
import { addressOf } from './generate/places.js';
import type { Scene } from './generate/scene.js';
import { someGfnOf } from './generate/unmap-lines.js';
import type { Failure } from './verdict.js';

/**
 * [E7] From here: let everybody run, unmap everything that can be named, end every grant, destroy
 * every domain. Each line is chosen when the ones before it have run.
 */
export function* farewellLines(scene: Scene): IterableIterator<Line> {
  for (const [id, { pauses }] of entries(scene.state.domains))
    for (let i = 0; i < pauses; i++) yield { op: 'unpause', domain: DomainId(id) };
  for (const [id] of entries(scene.state.domains)) yield* resumeAll(scene, DomainId(id));
  for (const [id] of entries(scene.state.domains)) yield* unmapAll(scene, DomainId(id));
  yield* unmapOfControl(scene);
  for (const window of foreignWindows(scene.state)) yield { op: 'unmap_window', window };
  for (const [id] of entries(scene.state.domains)) yield* endGrants(scene, DomainId(id));
  for (const [id, domain] of entries(scene.state.domains))
    if (!domain.dying && id !== CONTROL) {
      yield { op: 'destroy', domain: DomainId(id) };
      yield* resumeAll(scene, CONTROL);
    }
}

/** Whatever was stopped goes on, for as long as it is stopped again. */
function* resumeAll(scene: Scene, caller: DomainId): IterableIterator<Line> {
  for (let vcpu = VcpuId(0); vcpu < scene.machine.vcpus; vcpu = VcpuId(vcpu + 1))
    while (isStopped(get(scene.state.domains, caller), vcpu)) yield { op: 'resume', caller, vcpu };
}

const isStopped = (domain: Domain | undefined, vcpu: VcpuId): boolean =>
  domain?.vcpus[vcpu]?.pending !== undefined && (domain.id === CONTROL || isRunning(domain));
/** The control domain gives its mappings back, wherever they are. */
function* unmapOfControl(scene: Scene): IterableIterator<Line> {
  for (const [handle, mapping] of entries(get(scene.state.domains, CONTROL)?.mappings)) {
    const { page, readonly, byEntry } = mapping;
    const [window] =
      entries(scene.state.windows).find(
        ([, found]) => found.page === page && found.readonly === readonly,
      ) ?? [];
    const linear = window === undefined ? 0 : WINDOW_ADDRESS + window * PAGE_BYTES;
    const host = byEntry && window !== undefined ? ENTRY_ADDRESS + 8 * window : linear;
    const name = scene.handle(CONTROL, Handle(handle));
    // The frame that the handle maps was told when it was made.
    const deviceAddress = (get(scene.state.pages, page)?.frame ?? 0) * PAGE_BYTES;
    const elements = [{ handle: name, address: GuestPhysical(host), deviceAddress }];
    yield { op: 'unmap', caller: CONTROL, vcpu: scene.vcpu, elements };
  }
}

/** The windows of the control domain that lead to pages of others. */
const foreignWindows = ({ windows, pages }: State): readonly number[] =>
  entries(windows).flatMap(([window, { page }]) =>
    get(pages, page)?.owner === CONTROL ? [] : [window],
  );

function* unmapAll(scene: Scene, id: DomainId): IterableIterator<Line> {
  const start = scene.domain(id);
  if (id === CONTROL || start === undefined || !isRunning(start)) return;
  for (const [handle, { page }] of entries(start.mappings)) {
    const domain = scene.domain(id);
    const gfn = domain === undefined ? undefined : someGfnOf(scene, domain.p2m, page);
    // A mapping whose gfn was taken away from it can only be ended by its domain's death.
    if (gfn === undefined) continue;
    const address = addressOf(gfn, gfn === 0 ? 1 : 0);
    const name = scene.handle(id, Handle(handle));
    const elements = [{ handle: name, address, deviceAddress: 0 }];
    yield { op: 'unmap', caller: id, vcpu: scene.vcpu, elements };
  }
}

function* endGrants(scene: Scene, id: DomainId): IterableIterator<Line> {
  const refs = scene.machine.reservedRefs + 2;
  for (let ref = 0; ref < refs; ref++) {
    const domain = scene.domain(id);
    if (id !== CONTROL && domain !== undefined && isRunning(domain))
      yield withdrawLine(scene, domain, GrantRef(ref));
  }
}

/**
 * [E7] What is left in the model once no domain lives any more; the system is compared with the
 * model. Undefined where nothing is left, or somebody still lives or holds something.
 */
export function leftover(state: State, line: number): Failure | undefined {
  if (findKey(state.domains, ({ id, tornDown }) => id !== CONTROL && !tornDown) !== undefined)
    return;
  if (foreignWindows(state).length > 0) return;
  const control = get(state.domains, CONTROL);
  if (findKey(control?.mappings, ({ device }) => device) !== undefined) return;
  const domains = [...entries(state.domains)].filter(([id]) => id !== CONTROL);
  const pages = [...entries(state.pages)].filter(([, { owner }]) => owner !== CONTROL);
  if (domains.length + pages.length === 0) return undefined;
  return {
    verdict: 'violate',
    claim: 'E7',
    line,
    occasion: 'destroy',
    path: 'domains',
    expected: 'nothing is left',
    actual: [...domains.map(([id]) => `d${id}`), ...pages.map(([id]) => `page ${id}`)].join(', '),
  };
}
