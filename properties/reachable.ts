import type { Machine } from '../abi/machine.js';
import { refusals, rules } from '../abi/rules.js';

/** What a machine is for decides which rules and refusals a run on it can come to. */

const ofPaging = /^(W|T|C)|^(A6|A4\.3|D8)/;
const nestedOnly: ReadonlySet<string> = new Set(['A4.1', 'A4.2', 'W3.1', 'W5.2']);
const withoutNesting: ReadonlySet<string> = new Set(['A4.3', 'C8', 'C8.1', 'P14.4']);

/** What the toolstack can ask for on the whole surface only, and what comes of it. */
const wholeOnly: ReadonlySet<string> = new Set([
  'D9',
  'D10',
  'D10.1',
  'D10.2',
  'D11',
  'D11.1',
  'D11.2',
  'D12',
  'G2.4',
  'G6.6',
  'G8.7',
  'P8.6',
  'P13.5',
]);

const ofSurface = /^(B|H|M|G1[6-9]|G2[01]|P14|P15|P16|P17|P18|P6\.1[1-4]|D13)/;

function isReachable(id: string, { vcpus, paging, surface }: Machine): boolean {
  if (surface === 'guests' && (wholeOnly.has(id) || ofSurface.test(id))) return false;
  if (vcpus === 1 && ofPaging.test(id)) return false;
  return !(paging === 'hap' ? withoutNesting : nestedOnly).has(id);
}

/** Guests of a machine with one vcpu a domain use no paging of their own. */
export const reachableRules = (machine: Machine): readonly string[] =>
  Object.keys(rules).filter((id) => isReachable(id, machine));

export const reachableRefusals = (machine: Machine): readonly string[] =>
  Object.keys(refusals).filter((id) => isReachable(id, machine));
