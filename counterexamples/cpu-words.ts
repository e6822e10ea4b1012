import type { Cpu } from '../abi/machine.js';
import { between, parseNumber } from './numbers.js';
import { refuseToken, type Token, type Words } from './words.js';

/* machine paged address_bits=36 gib_pages=off pse36=off protection_keys=off */

/** What of a machine's processors differs from `base`, as words. */
export function cpuText(cpu: Cpu, base: Cpu): readonly string[] {
  const differences: readonly (readonly [boolean, string])[] = [
    [cpu.addressBits !== base.addressBits, `address_bits=${cpu.addressBits}`],
    [cpu.gibPages !== base.gibPages, `gib_pages=${switchText(cpu.gibPages)}`],
    [cpu.pse36 !== base.pse36, `pse36=${switchText(cpu.pse36)}`],
    [
      cpu.protectionKeys !== base.protectionKeys,
      `protection_keys=${switchText(cpu.protectionKeys)}`,
    ],
  ];
  return differences.filter(([differs]) => differs).map(([, text]) => text);
}

/** Reads what `cpuText` wrote; it leaves other words for the caller. Throws TraceError. */
export function parseCpu(words: Words, base: Cpu): Cpu {
  const addressBits = words.optional('address_bits');
  return {
    addressBits:
      addressBits === undefined ? base.addressBits : parseNumber(addressBits, between(32, 44)),
    gibPages: parseSwitch(words.optional('gib_pages')) ?? base.gibPages,
    pse36: parseSwitch(words.optional('pse36')) ?? base.pse36,
    protectionKeys: parseSwitch(words.optional('protection_keys')) ?? base.protectionKeys,
  };
}

const switchText = (isOn: boolean): string => (isOn ? 'on' : 'off');

function parseSwitch(token: Token | undefined): boolean | undefined {
  if (token === undefined) return undefined;
  if (token.text !== 'on' && token.text !== 'off') refuseToken(token, 'on or off');
  return token.text === 'on';
}
