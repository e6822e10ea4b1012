import { DomainId } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { Boot, Program } from '../abi/program.js';
import { configText, parseConfig } from './machine-line.js';
import { domainText, parseDomain } from './names.js';
import type { Words } from './words.js';

/*
 * domain d1
 * domain d2 ram=0x0+4 pages=9
 *
 * Without any such line the domains 1 to `domains` start, each with the machine's defaults. With
 * such lines, those and no others start, in their order; `domain none` starts none.
 */

/** The lines between `machine` and the program. */
export function bootLines({ machine, boot }: Program): readonly string[] {
  if (isDefault(boot, machine)) return [];
  if (boot.length === 0) return ['domain none'];
  return boot.map(({ domain, config }) =>
    ['domain', domainText(domain), ...configText(config, machine.defaults)].join(' '),
  );
}

/** Reads what follows the word `domain`; undefined for `none`. Throws TraceError. */
export function parseBoot(words: Words, machine: Machine): Boot | undefined {
  if (words.word('none') !== undefined) {
    words.end();
    return undefined;
  }
  const domain = parseDomain(words.next('a domain (d1), or none'));
  const config = parseConfig(words, machine.defaults);
  words.end();
  return { domain, config };
}

/** The domains that start when a trace says nothing. */
export function defaultBoot(machine: Machine): readonly Boot[] {
  return Array.from({ length: machine.domains }, (_, index) => ({
    domain: DomainId(index + 1),
    config: machine.defaults,
  }));
}

function isDefault(boot: readonly Boot[], machine: Machine): boolean {
  return (
    boot.length === machine.domains &&
    boot.every(
      ({ domain, config }, index) =>
        domain === index + 1 && configText(config, machine.defaults).length === 0,
    )
  );
}
