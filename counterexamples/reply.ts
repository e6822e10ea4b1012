import { PFEC_I, PFEC_P, PFEC_PK, PFEC_RSVD, PFEC_U, PFEC_W } from '../abi/control.js';
import type { Line } from '../abi/program.js';
import type { DomainInfoReply, InspectReply, ReleasedMapping, Reply } from '../abi/reply.js';
import type { Rc, Status } from '../abi/status.js';
import { batchText } from './batch.js';
import { flagsText, type Flags } from './flags.js';
import { vaText } from './linear-lines.js';
import { gfnText, grantText, listText } from './names.js';
import { wordText } from './numbers.js';

/**
 * A reply as the right column of a trace. It is canonical: two replies that no guest may tell
 * apart print the same, so handles and machine frames, which the hypervisor may choose, are left
 * out. There are no two spaces in a row. Where the value of a call is a count, of extents, pages or
 * gfns, zero is a number; elsewhere it is `ok`.
 */
export function printReply(reply: Reply, operation: Line['op']): string {
  switch (reply.is) {
    case 'no_domain':
    case 'paused':
    case 'crashed':
      return reply.is;
    case 'rc':
      return counting.has(operation) ? String(reply.rc) : rcText(reply.rc);
    case 'statuses':
      return batchText(reply.elements.map(({ status }) => statusText(status)));
    case 'table':
      return tableText(reply.status, reply.frames);
    case 'size':
      return `${statusText(reply.status)} frames=${reply.frames} maximum=${reply.maximum}`;
    case 'version':
      return rcText(reply.rc) + (reply.version === 0 ? '' : ` v${reply.version}`);
    case 'errors':
      return `${rcText(reply.rc)} each ${listText(reply.errors.map(errorText))}`;
    case 'exchanged':
      return `${rcText(reply.rc)} count=${reply.count}`;
    case 'value':
      return wordText(reply.value, reply.value.high === 0 ? 4 : 8);
    case 'stored':
      return 'ok';
    case 'fault':
      return reply.vector;
    case 'page_fault':
      return `#PF ${codeText(reply.code)} va=${vaText(reply.linear)}`;
    case 'done':
      return 'done';
    case 'dirty':
      return `dirty ${listText(reply.gfns.map(gfnText))}`;
    case 'hypercall': {
      const { rc, outcome } = reply;
      return outcome === undefined
        ? rcText(rc)
        : `${rcText(rc)} of ${printReply(outcome, operation)}`;
    }
    case 'preempted':
      return `preempted ${printReply(reply.done, operation)}`;
    case 'released':
      return `released ${listText(reply.mappings.map(mappingText))}`;
    case 'busy':
    case 'idle':
      return reply.is;
    case 'pod':
      return `${rcText(reply.rc)} pages=${reply.pages} kept=${reply.kept} gfns=${reply.gfns}`;
    case 'resource':
      return `${rcText(reply.rc)} count=${reply.count}`;
    case 'domain_info':
      return infoText(reply);
    case 'inspected':
      return inspectText(reply);
  }
}

const counting: ReadonlySet<Line['op']> = new Set([
  'populate_physmap',
  'increase_reservation',
  'decrease_reservation',
  'current_reservation',
  'maximum_reservation',
  'maximum_gpfn',
  'resume',
]);

/** The bits of a page fault's error code by their names in the processor's manuals. */
const codes: Flags = {
  P: PFEC_P,
  W: PFEC_W,
  U: PFEC_U,
  RSVD: PFEC_RSVD,
  I: PFEC_I,
  PK: PFEC_PK,
};

const codeText = (code: number): string => (code === 0 ? '0' : flagsText(code, codes));

const statusText = (status: Status): string => (status === 'okay' ? 'ok' : status);
const rcText = (rc: Rc): string => (rc === 0 ? 'ok' : String(rc));
const errorText = (error: Rc | 'untouched'): string =>
  error === 'untouched' ? error : rcText(error);

const mappingText = ({ granter, ref, readonly }: ReleasedMapping): string =>
  `${grantText(granter, ref)}:${readonly ? 'ro' : 'rw'}`;

function tableText(status: Status, frames: readonly number[]): string {
  if (frames.length === 0) return statusText(status);
  return `${statusText(status)} ${listText(frames.map(gfnText))}`;
}

function infoText(reply: DomainInfoReply): string {
  const pages = `pages=${reply.pages} maximum=${reply.maximumPages}`;
  const owed = reply.outstanding === 0 ? '' : ` outstanding=${reply.outstanding}`;
  return pages + owed + (reply.dying ? ' dying' : '') + (reply.shutdown ? ' shutdown' : '');
}

function inspectText(reply: InspectReply): string {
  const frame = reply.frame === undefined ? '' : ' mapped';
  const first = reply.first === undefined ? '' : ` ${wordText(reply.first, 8)}`;
  return reply.memoryType + frame + first;
}
