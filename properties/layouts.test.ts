import { describe, expect, test } from 'vitest';
import { ALL_ONES, DomainId, Gfn, GuestPhysical, VcpuId } from '../abi/ids.js';
import { layouts, type Layout } from '../abi/layouts.js';
import { presets, type Machine } from '../abi/machine.js';
import type { Boot, MarshalledCall } from '../abi/program.js';
import type { Reply } from '../abi/reply.js';
import { isObjection, step as spec, type State } from '../model/model.js';
import type { Vcpu } from '../model/state.js';
import { entries, get } from '../values/keyed.js';
import { seeded } from './choose.js';
import { desugar, Handles } from './desugar.js';
import { chooseEmphasis } from './generate/emphasis.js';
import { marshalledCallLine } from './generate/hypercall-lines.js';
import { nextLine, openingLines } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { ours } from './our-subject.js';
import { Running } from './running.js';

/** Where arguments are put: a page that no generator thinks of. */
const PLACE = Gfn(0x1f0);
const machine: Machine = { ...presets.whole, vcpus: 1 };
const ram = [...machine.defaults.ram, { gfn: PLACE, count: 1 }];
const boot: readonly Boot[] = [1, 2, 3].map((id) => ({
  domain: DomainId(id),
  config: { ...machine.defaults, ram },
}));

interface End {
  readonly reply: Reply;
  readonly state: State;
}

function after(state: State, step: Parameters<typeof spec>[1]): End {
  for (const alternative of spec(state, step)) {
    const next = alternative.next(alternative.reply);
    if (!isObjection(next)) return { reply: alternative.reply, state: next };
  }
  throw new Error('no outcome');
}

/** What a call comes to whose arguments are passed in a layout. */
function endOf(state: State, call: MarshalledCall, layout: Layout): End {
  const { caller } = call;
  const at = PLACE * 4096;
  const line = {
    op: 'marshalled',
    caller,
    vcpu: VcpuId(0),
    layout,
    as: 'kernel',
    place: GuestPhysical(at),
    linear: { low: at, high: 0 },
    count: undefined,
    call,
  } as const;
  let end: End = { reply: { is: 'done' }, state };
  for (const step of desugar(line, machine, new Handles())) end = after(end.state, step);
  return end;
}

/** Everything that is left but for the page with the arguments. */
function leftBy({ state }: End, caller: DomainId): string {
  const place = get(get(state.domains, caller)?.p2m, PLACE)?.page;
  const pages = entries(state.pages).filter(([id]) => id !== place);
  const domains = entries(state.domains).map(([, domain]) => {
    const vcpus = domain.vcpus.map((vcpu: Vcpu) => ({ ...vcpu, past: undefined }));
    return { ...domain, vcpus, loggedSince: undefined };
  });
  return JSON.stringify([pages, domains]);
}

/** A number that 32 bits do not hold, or that is all ones in 32 bits and not in 64. */
const isWide = (value: unknown): boolean =>
  typeof value === 'number'
    ? value >= 0xffff_ffff && value <= ALL_ONES
    : typeof value === 'object' && value !== null && Object.values(value).some(isWide);

const names = (call: MarshalledCall, gfn: number): boolean =>
  JSON.stringify(call).includes(`${gfn}`) || JSON.stringify(call).includes(`${gfn * 4096}`);

/** Calls of random programs, each in the state in which its program might have made it. */
function* calls(seed: string, lines: number): Generator<readonly [State, MarshalledCall]> {
  const choose = seeded(seed);
  const emphasis = chooseEmphasis(choose, 'all', undefined, machine.surface);
  const running = new Running(machine, boot, ours);
  const scene = new Scene(choose, machine, { ...emphasis, hostility: 8 }, running.state);
  const ids = boot.map(({ domain }) => domain);
  const opening = [...openingLines(scene, ids)];
  while (running.lines.length < lines) {
    const call = marshalledCallLine(scene);
    if (call !== undefined) yield [running.state, call];
    const line = opening.shift() ?? nextLine(scene);
    expect(running.perform(line)).toBeUndefined();
    scene.state = running.state;
    scene.noteHandles(line, running.lines.length - 1, running.reply);
  }
}

describe('the layouts of 64 and of 32 bits', () => {
  test('equal requests have equal outcomes, but for numbers of more than 32 bits', () => {
    const seen = new Map<string, number>();
    for (const seed of ['a', 'b', 'c', 'd'])
      for (const [state, asked] of calls(seed, 300)) {
        // The numbers of a list have 64 bits or 32: it is put where the arguments are, not elsewhere.
        const call = asked.op === 'setup_table' ? { ...asked, list: undefined } : asked;
        if (isWide(call) || names(call, PLACE) || call.op === 'exchange') continue;
        // Copies of 32 bits are made together: no stop comes between them.
        if (get(state.domains, call.caller)?.vcpus[0]?.interrupt !== undefined) continue;
        const [native, compat] = layouts.map((layout) => endOf(state, call, layout));
        if (native === undefined || compat === undefined) continue;
        expect({ call, reply: compat.reply }).toEqual({ call, reply: native.reply });
        expect(leftBy(compat, call.caller)).toBe(leftBy(native, call.caller));
        seen.set(call.op, (seen.get(call.op) ?? 0) + 1);
      }
    expect(seen.size).toBeGreaterThan(12);
  });

  test.each([
    ['a gfn', 2 ** 32 + 1, '-ENOENT', 0],
    ['no gfn at all', ALL_ONES, '-ENOENT', '-ENOENT'],
  ])('%s of more than 32 bits is cut', (_, gfn, native, compat) => {
    const running = new Running(machine, boot, ours);
    const by = { caller: DomainId(1), vcpu: VcpuId(0) };
    const call = { op: 'remove_from_physmap', ...by, target: by.caller, gfn: Gfn(gfn) } as const;
    const replies = layouts.map((layout) => endOf(running.state, call, layout).reply);
    expect(replies).toMatchObject([{ rc: native }, { rc: compat }]);
  });
});
