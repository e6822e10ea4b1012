import type { DomainConfig } from '../abi/machine.js';
import { fallible, type FailNext, type LogDirty, type Toolstack } from '../abi/step.js';
import { whole } from './batch.js';
import type { Arguments } from './arguments.js';
import { configText, parseConfig } from './machine-line.js';
import { domainText, gfnText, parseDomain, parseGfn } from './names.js';
import { between, hex, parseLong, parseNumber, u16, u32 } from './numbers.js';
import { refuseToken, type Words } from './words.js';

/*
 * tool  create            d3 ram=0x0+8,0x20+4 pages=14 table=none
 * tool  destroy           d3
 * tool  domain_info       d3
 * tool  set_memory_limit  d3 pages=20
 * tool  inspect_gfn       d3 gfn=0x8
 * tool  memory_type       d3 gfn=0x8
 * tool  pod_target        d3 pages=20
 * tool  set_memory_type   d3 gfn=0x8 count=2 type=1
 * tool  log_dirty         d3 enable
 * tool  pause             d3
 * tool  unpause           d3
 * tool  fail_next         table after=2
 *
 * What create does not say is as in the defaults of the machine.
 */

export function toolstackText(line: Toolstack, defaults: DomainConfig): string {
  if (line.op === 'fail_next') return `${line.what} after=${line.after}`;
  const domain = domainText(line.domain);
  switch (line.op) {
    case 'create':
      return [domain, ...configText(line.config, defaults)].join(' ');
    case 'destroy':
    case 'domain_info':
    case 'pause':
    case 'unpause':
      return domain;
    case 'set_memory_limit':
      return `${domain} pages=${line.pages}`;
    case 'set_memory_type':
      return `${domain} gfn=${gfnText(line.gfn)} count=${line.count} type=${line.type}`;
    case 'pod_target':
      return line.target === undefined ? domain : `${domain} pages=${hex(line.target)}`;
    case 'memory_type':
    case 'inspect_gfn':
      return `${domain} gfn=${gfnText(line.gfn)}`;
    case 'log_dirty':
      return `${domain} ${line.action}`;
  }
}

export function parseToolstack(op: Toolstack['op'], { words, machine }: Arguments): Toolstack {
  return whole(words, () => parseOperation(op, words, machine.defaults));
}

function parseOperation(op: Toolstack['op'], words: Words, defaults: DomainConfig): Toolstack {
  if (op === 'fail_next') return parseFailure(words);
  const domain = parseDomain(words.next('a domain (d1, …)'));
  switch (op) {
    case 'create':
      return { op, domain, config: parseConfig(words, defaults) };
    case 'destroy':
    case 'domain_info':
    case 'pause':
    case 'unpause':
      return { op, domain };
    case 'set_memory_limit': {
      const pages = words.keyed('pages', 'a number of pages');
      return { op, domain, pages: parseNumber(pages, between(0, 2 ** 53)) };
    }
    case 'set_memory_type': {
      const gfn = parseGfn(words.keyed('gfn', 'a gfn'));
      const count = parseNumber(words.keyed('count', 'a number of gfns'), u32);
      return { op, domain, gfn, count, type: parseNumber(words.keyed('type', 'a number'), u16) };
    }
    case 'pod_target': {
      const token = words.optional('pages');
      return { op, domain, target: token === undefined ? undefined : parseLong(token) };
    }
    case 'memory_type':
    case 'inspect_gfn':
      return { op, domain, gfn: parseGfn(words.keyed('gfn', 'a gfn')) };
    case 'log_dirty':
      return { op, domain, action: parseAction(words) };
  }
}

const actions = ['enable', 'disable', 'peek', 'clean'] as const satisfies LogDirty['action'][];

function parseAction(words: Words): LogDirty['action'] {
  const token = words.next(actions.join(', '));
  return actions.find((each) => each === token.text) ?? refuseToken(token, actions.join(', '));
}

function parseFailure(words: Words): FailNext {
  const token = words.next(fallible.join(', '));
  const what =
    fallible.find((each) => each === token.text) ?? refuseToken(token, fallible.join(', '));
  return { op: 'fail_next', what, after: parseNumber(words.keyed('after', 'a number'), u32) };
}
