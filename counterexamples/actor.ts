import { DomainId, VcpuId } from '../abi/ids.js';
import type { Caller } from './arguments.js';
import { after, pairOf } from './names.js';
import { parseNumber, u16 } from './numbers.js';
import { refuseToken, type Token } from './words.js';

/** Who makes a step: a domain on a vcpu, of which the first is not written. */
export const callerText = ({ caller, vcpu }: Caller): string =>
  `d${caller}${vcpu === 0 ? '' : `.${vcpu}`}`;

export function parseCaller(actor: Token): Caller {
  const [domain, vcpu] = pairOf(actor, '.');
  if (!/^d\d/.test(domain.text)) return refuseToken(actor, 'a domain that calls (d1, d1.0)');
  return {
    caller: DomainId(parseNumber(after(domain, 1), u16)),
    vcpu: VcpuId(vcpu === undefined ? 0 : parseNumber(vcpu, u16)),
  };
}
