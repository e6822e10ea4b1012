import * as abi from '../../abi/grant-table.js';
import { CONTROL, DOMID_SELF, Gfn, GrantRef, Handle, type DomainId } from '../../abi/ids.js';
import type { FlushLine, FlushLineElement, GrantLine, Line } from '../../abi/program.js';
import type { TransferElement, TransferGrant } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { WINDOWS } from '../../abi/windows.js';
import { isGrant, isHeld, isRunning } from '../../model/derived.js';
import type { Domain } from '../../model/state.js';
import { get, has } from '../../values/keyed.js';
import { percent, pick } from '../choose.js';
import { emptyGfn, tableGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** What the control domain does with machine frames: it gives pages away, and has them written back. */
export function frameLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const way = choose.below(100);
  if (way < 35) return flushLine(scene);
  // It has few pages, and an episode is long.
  if (way < 70) return transferLine(scene, heldFrame(scene), scene.anyId(), anyRef(scene));
  if (way < 80) return letGoLine(scene);
  const free = freeFrame(scene);
  if (free === undefined) return undefined;
  if (way < 84)
    return transferLine(scene, free, scene.target(CONTROL, scene.anyId()), anyRef(scene));
  return acceptLine(scene, free);
}

const anyRef = (scene: Scene): GrantRef => scene.ref(undefined);

function transferLine(scene: Scene, gfn: Gfn, target: DomainId, ref: GrantRef): TransferGrant {
  const caller = scene.hostile() ? scene.anyId() : CONTROL;
  const elements: TransferElement[] = [{ gfn, target, ref }];
  // The page is gone by then, or was not there either.
  while (elements.length < scene.batchSize()) {
    const again = percent(scene.choose, 50) ? gfn : heldFrame(scene);
    elements.push({ gfn: again, target: scene.anyId(), ref });
  }
  return { op: 'transfer', caller, vcpu: scene.vcpu, elements };
}

/** A frame that the control domain may not give away, mostly. */
function heldFrame(scene: Scene): Gfn {
  const { choose, machine } = scene;
  const first = machine.guestFrames + machine.controlPages;
  if (scene.hostile()) return Gfn(pick(choose, [first, first + 1, 2 ** 28, 2 ** 40, 2 ** 64]));
  const frame = Gfn(choose.below(machine.controlPages + 2));
  return freeFrame(scene) === frame ? Gfn(frame + machine.controlPages) : frame;
}

/** A page of the control domain's RAM that nobody holds. */
function freeFrame(scene: Scene): Gfn | undefined {
  const { state, machine } = scene;
  const own = get(state.domains, CONTROL)?.p2m;
  const isFree = (gfn: number): boolean => {
    const page = get(own, gfn)?.page;
    return page !== undefined && !isHeld(state, page);
  };
  const frames = Array.from({ length: machine.controlPages }, (_, gfn) => Gfn(gfn));
  return frames.find(isFree);
}

/** The control domain's kernel no longer has a page of its own in its address space; one at a time. */
function letGoLine(scene: Scene): Line | undefined {
  const { choose, machine, state } = scene;
  const window = WINDOWS + choose.below(machine.controlPages + 1);
  if (freeFrame(scene) !== undefined || !has(state.windows, window)) return undefined;
  return { op: 'unmap_window', window };
}

/** Somebody is ready to accept a page; who is asked next to give one, gives it. */
function acceptLine(scene: Scene, frame: Gfn): Line | undefined {
  const { choose } = scene;
  if (percent(choose, 25)) return acceptOwn(scene, frame);
  const receiver = scene.domain(scene.anyId());
  if (receiver === undefined || !isRunning(receiver)) return undefined;
  const { id, grantVersion: version } = receiver;
  const ref = scene.ref(receiver);
  const flags = scene.hostile()
    ? pick(choose, [0, 1, 6, 0xe, 0x12, 0x22, 0x102])
    : abi.GTF_accept_transfer;
  const entry = { ref, table: tableGfn(scene), version, flags, to: giver(scene) };
  const by = { caller: id, vcpu: scene.vcpu };
  const place = { frame: acceptedAt(scene, receiver), detail: { is: 'none' } } as const;
  const line: GrantLine = { op: 'grant', ...by, ...entry, ...place };
  scene.attention.at({ domain: id, gfn: Gfn(line.frame) });
  scene.followUps.push(transferLine(scene, frame, id, ref));
  return line;
}

const giver = (scene: Scene): DomainId => (scene.hostile() ? scene.anyId() : CONTROL);

/** Where the page is to come: where nothing is, or where something is. */
function acceptedAt(scene: Scene, receiver: Domain): Gfn {
  const { choose } = scene;
  for (let attempt = pick(choose, [0, 0, 6]); attempt > 0; attempt--) {
    const mapped = scene.some(receiver.p2m);
    if (mapped !== undefined && isGrant(mapped.value)) return Gfn(mapped.key);
  }
  if (percent(choose, 8)) return scene.impossibleGfn();
  return percent(choose, 55) ? emptyGfn(scene, receiver) : usedGfn(scene, receiver);
}

/** The control domain gives a page to itself, which it has again then. */
function acceptOwn(scene: Scene, frame: Gfn): Line | undefined {
  const { machine, state } = scene;
  if (!has(state.windows, TABLE_WINDOW)) return undefined;
  const ref = GrantRef(scene.choose.below(machine.reservedRefs + 4));
  const entry = {
    ref,
    table: Gfn(TABLE_PAGE),
    version: 1,
    flags: abi.GTF_accept_transfer,
  } as const;
  const line: GrantLine = {
    op: 'grant',
    caller: CONTROL,
    vcpu: scene.vcpu,
    ...entry,
    to: CONTROL,
    frame: 0,
    detail: { is: 'none' },
  };
  const target = scene.hostile() ? DOMID_SELF : CONTROL;
  scene.followUps.push(transferLine(scene, frame, target, ref));
  return line;
}

/** The window where the control domain sees its own grant table, and the linear page that is. */
const TABLE_WINDOW = 5;
const TABLE_PAGE = 0x805;

function flushLine(scene: Scene): FlushLine {
  const caller = percent(scene.choose, 4) ? scene.anyId() : CONTROL;
  const elements = Array.from({ length: scene.batchSize() }, () => flushElement(scene));
  return { op: 'write_back', caller, vcpu: scene.vcpu, elements };
}

function flushElement(scene: Scene): FlushLineElement {
  const { choose } = scene;
  const flags = scene.hostile() ? pick(choose, [4, 0x8000_0001]) : pick(choose, [1, 1, 3, 2, 0]);
  const [offset, length] = scene.hostile()
    ? pick(choose, [
        [4096, 0],
        [4095, 2],
        [0, 4097],
      ] as const)
    : pick(choose, [
        [0, 64],
        [0, 64],
        [4095, 1],
        [0, 4096],
        [8, 0],
      ] as const);
  return { deviceAddress: flushedAt(scene), offset, length, flags };
}

/** The page of a mapping of the control domain's, a page that was seen, or any frame. */
function flushedAt(scene: Scene): FlushLineElement['deviceAddress'] {
  const { choose, machine, state } = scene;
  const mapping = scene.some(get(state.domains, CONTROL)?.mappings);
  if (mapping !== undefined && percent(choose, 40)) {
    const name = scene.handle(CONTROL, Handle(mapping.key));
    if (typeof name !== 'number') return name;
  }
  if (scene.hostile()) return pick(choose, [2 ** 52, 2 ** 51, 2 ** 53]);
  const seen = percent(choose, 50) ? scene.some(state.pages)?.value.frame : undefined;
  const frame = seen ?? choose.below(machine.guestFrames + machine.controlPages + 12);
  return frame * PAGE_BYTES;
}
