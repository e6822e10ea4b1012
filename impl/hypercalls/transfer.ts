import {
  GTF_accept_transfer,
  GTF_transfer_committed,
  GTF_transfer_completed,
} from '../../abi/grant-table.js';
import { CONTROL, Mfn } from '../../abi/ids.js';
import type { GrantRef } from '../../abi/ids.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import type { TransferElement, TransferGrant } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { forgetFrame } from '../forgotten-handles.js';
import { isTranslated } from '../host.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { addPage } from '../physmap.js';
import { elementReply } from '../replies.js';
import { RAM_RW } from '../tables/p2m-entry.js';

/** First try and four more (grants.md 1.10). */
const ATTEMPTS = 5;
const GRANTEE_SHIFT = 16;

/** GNTTABOP_transfer (grants.md 7.6): each element on its own, in order. */
export function transferGrant(
  host: Host,
  caller: Domain,
  step: TransferGrant,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  for (const element of step.elements.slice(invocation.start)) {
    if (elements.length > 0) host.stop('grant.transfer/element');
    if (invocation.stopsAt(invocation.start + elements.length)) break;
    elements.push(transferOne(host, caller, element));
  }
  return { is: 'statuses', elements };
}

/** The page is the giver's loss from when it is taken on, whatever comes of it. */
function transferOne(host: Host, giver: Domain, element: TransferElement): ElementReply {
  const mfn = steal(host, giver, element.gfn);
  if (mfn === undefined) return elementReply('bad_page');

  const receiver = host.domains.byId(element.target);
  if (receiver === undefined) return drop(host, mfn, 'bad_domain');
  if (receiver.isDying || isFull(receiver)) return drop(host, mfn, 'general_error');

  // It counts as the receiver's before its entry is asked, and with it towards what was claimed.
  receiver.pages += 1;
  if (receiver.outstanding > 0) receiver.outstanding -= 1;
  if (!claimEntry(receiver, element.ref, giver)) {
    receiver.pages -= 1;
    if (receiver.outstanding > 0) receiver.outstanding += 1;
    return drop(host, mfn, 'general_error');
  }
  host.frames.assign(mfn, receiver.id);
  const isPlaced = place(host, receiver, element.ref, mfn);
  receiver.grants.addFlags(element.ref, GTF_transfer_completed);
  return elementReply(isPlaced ? 'okay' : 'general_error');
}

/** A page leaves its owner, if it is RAM that nothing holds: it is nobody's then. */
function steal(host: Host, giver: Domain, frame: number): Mfn | undefined {
  if (frame >= host.ram.frameCount) return undefined;
  const mfn = Mfn(frame);
  const { frames } = host;
  if (frames.ownerOf(mfn) !== giver.id || frames.isXenHeap(mfn)) return undefined;
  if (!frames.isAllocated(mfn) || frames.referencesOf(mfn) !== 1) return undefined;

  // Nothing below this line can fail.
  frames.disown(mfn);
  giver.pages -= 1;
  return mfn;
}

/** A page that was taken is free; handles of its former owner's grants name it no more. */
function drop(host: Host, mfn: Mfn, status: 'bad_domain' | 'general_error'): ElementReply {
  forgetFrame(host, mfn);
  host.guestShare.giveBack(mfn);
  return elementReply(status);
}

/** The control domain may own as much as there is. */
function isFull(receiver: Domain): boolean {
  return receiver.id !== CONTROL && receiver.pages >= receiver.maximumPages;
}

/** The receiver's entry accepts a page of the giver's, and nothing has come of it yet. */
function claimEntry({ grants }: Domain, ref: GrantRef, giver: Domain): boolean {
  if (ref >= grants.refCount()) return false;
  const accepting = (GTF_accept_transfer | (giver.id << GRANTEE_SHIFT)) >>> 0;
  let header = grants.headerOf(ref);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (header !== accepting) return false;
    const found = grants.exchangeHeader(ref, header, (header | GTF_transfer_committed) >>> 0);
    if (found === header) return true;
    header = found;
  }
  return false;
}

/** The page comes to the gfn that the entry names; who has no p2m is told its frame. */
function place(host: Host, receiver: Domain, ref: GrantRef, mfn: Mfn): boolean {
  if (isTranslated(receiver)) {
    const gfn = receiver.grants.grantedGfnOf(ref);
    return addPage(host, receiver, gfn, mfn, RAM_RW) === 'added';
  }
  receiver.grants.setFrame(ref, mfn);
  return true;
}
