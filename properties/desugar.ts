import { V1_ENTRY_BYTES, V2_ENTRY_BYTES } from '../abi/grant-table.js';
import { GuestPhysical, NO_HANDLE, type Handle, type Mfn } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type {
  FromLine,
  GrantLine,
  Line,
  PteLine,
  ReplaceLineElement,
  UnmapLine,
} from '../abi/program.js';
import type { Reply } from '../abi/reply.js';
import type { Step, Store } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { marshalled } from './marshal/marshal.js';
import { wordOf } from './marshal/structure.js';

/** Which handles the lines that ran so far have made: what the names of a program stand for. */
export class Handles {
  readonly #made: (readonly (Handle | undefined)[] | undefined)[] = [];
  readonly #frames: (readonly (Mfn | undefined)[] | undefined)[] = [];

  /** Notes the handles that a line was answered with. */
  note(line: number, reply: Reply): void {
    if (reply.is === 'preempted') return this.note(line, reply.done);
    if (reply.is === 'hypercall' && reply.outcome !== undefined)
      return this.note(line, reply.outcome);
    if (reply.is !== 'statuses') return;
    this.#made[line] = reply.elements.map((element) => element.handle);
    this.#frames[line] = reply.elements.map((element) => element.frame);
  }

  /** The machine address of the page that a name's line mapped; where it mapped none, of none. */
  addressOf(name: FromLine): number {
    const frame = this.#frames[name.line]?.[name.element];
    return frame === undefined ? 1 : frame * PAGE_BYTES;
  }

  /** The handle that a name stands for; `NO_HANDLE` where its line made none. */
  named(name: FromLine): Handle {
    return this.#made[name.line]?.[name.element] ?? NO_HANDLE;
  }
}

/** Whether a line may make mappings, which have names then. */
export const mayMap = ({ op }: Line): boolean =>
  op === 'map' || op === 'resume' || op === 'hypercall' || op === 'marshalled';

/** The steps that a line stands for, at least one; the answer to the last is that to the line. */
export function desugar(line: Line, machine: Machine, handles: Handles): readonly Step[] {
  if (line.op === 'grant') return grantStores(line, machine);
  if (line.op === 'pte') return [pteStore(line)];
  if (line.op === 'unmap') return [unmapStep(line, handles)];
  if (line.op === 'unmap_and_replace') {
    const named = ({ handle }: ReplaceLineElement): Handle => handleOf(handle, handles);
    return [{ ...line, elements: line.elements.map((x) => ({ ...x, handle: named(x) })) }];
  }
  if (line.op === 'write_back') {
    const elements = line.elements.map((each) => ({
      ...each,
      deviceAddress: addressOf(each.deviceAddress, handles),
    }));
    return [{ ...line, elements }];
  }
  if (line.op === 'marshalled') return marshalled(line, (handle) => handleOf(handle, handles));
  return [line];
}

function unmapStep(line: UnmapLine, handles: Handles): Step {
  return {
    ...line,
    elements: line.elements.map((element) => ({
      ...element,
      handle: handleOf(element.handle, handles),
      deviceAddress: addressOf(element.deviceAddress, handles),
    })),
  };
}

const handleOf = (handle: Handle | FromLine, handles: Handles): Handle =>
  typeof handle === 'number' ? handle : handles.named(handle);

const addressOf = (address: number | FromLine, handles: Handles): number =>
  typeof address === 'number' ? address : handles.addressOf(address);

/** The address of a grant entry, where a guest believes frame 0 of its table to be at `table`. */
export function entryAddress(line: GrantLine, machine: Machine): GuestPhysical {
  const perFrame = line.version === 1 ? machine.refsPerFrame : machine.refsPerFrame / 2;
  const size = line.version === 1 ? V1_ENTRY_BYTES : V2_ENTRY_BYTES;
  const frame = line.table + Math.floor(line.ref / perFrame);
  return GuestPhysical(frame * PAGE_BYTES + (line.ref % perFrame) * size);
}

function grantStores(line: GrantLine, machine: Machine): readonly Step[] {
  const address = entryAddress(line, machine);
  const head = (line.flags & 0xffff) + (line.to & 0xffff) * 0x1_0000;
  if (line.version === 1) return [store(line, address, { low: head, high: line.frame >>> 0 })];

  const frame = line.detail.is === 'transitive' ? line.detail.ref : line.frame;
  return [
    store(line, GuestPhysical(address + 8), wordOf(frame)),
    store(line, address, { low: head, high: detailOf(line) }),
  ];
}

/** Bytes 4..7 of a version 2 entry. */
function detailOf({ detail }: GrantLine): number {
  if (detail.is === 'sub_page')
    return (detail.offset & 0xffff) + (detail.length & 0xffff) * 0x1_0000;
  return detail.is === 'transitive' ? detail.domain & 0xffff : 0;
}

const store = (line: GrantLine, address: GuestPhysical, value: Word): Store => ({
  op: 'store',
  caller: line.caller,
  vcpu: line.vcpu,
  address,
  size: 8,
  value,
});

/** The frame begins at bit 12: its low twenty bits are in the low half. */
function pteStore({ caller, vcpu, table, index, width, flags, frame, high }: PteLine): Store {
  const low = (frame % 2 ** 20) * 2 ** 12 + (flags & 0xfff);
  const upper = width === 8 ? (Math.floor(frame / 2 ** 20) | high) >>> 0 : 0;
  const address = GuestPhysical(table * PAGE_BYTES + index * width);
  return { op: 'store', caller, vcpu, address, size: width, value: { low, high: upper } };
}
