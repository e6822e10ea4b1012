import { beforeAll, describe, expect, test } from 'vitest';
import { presets } from '../abi/machine.js';
import type { Fault } from '../faults/fault.js';
import { campaign, type Campaign } from './campaign.js';
import { faultedSubjects } from './faulted.js';
import { campaignText, failureText } from './report.js';
import { run } from './run.js';
import { shrink, type Shrunk } from './shrink.js';
import { smaller } from './shrink/edits.js';
import type { MakeSubject } from './subject.js';
import { isFailure } from './verdict.js';
import { identityOf } from './identity.js';

/** Copy by gfn works for any domain's memory: what XSA-523 came to. */
const fault: Fault = {
  id: 'copy-by-gfn-of-anyone',
  title: 'A copy by gfn is not confined to the caller’s own memory.',
  kin: 'XSA-523',
  breaks: ['G3'],
  changes: [
    {
      file: 'impl/hypercalls/copy-grant.ts',
      find: "  if (side.domain !== DOMID_SELF) return 'permission_denied';\n",
      put: '',
    },
  ],
};
/** Unmap believes any handle about any frame. */
const second: Fault = {
  ...fault,
  id: 'unmap-any-frame',
  changes: [
    ...fault.changes,
    {
      file: 'impl/hypercalls/unmap-grant.ts',
      find: "  if (mfnOf(found) !== mfn) return elementReply('general_error');\n",
      put: '',
    },
  ],
};

const plan = (make: MakeSubject, failures: number) => ({
  seed: '0x5ef1',
  machine: presets.small,
  make,
  lines: 60_000,
  failures,
});

describe('a fault', () => {
  let make: MakeSubject;
  let result: Campaign;
  let shrunk: Shrunk | undefined;
  beforeAll(async () => {
    make = await faultedSubjects(fault);
    result = await campaign(plan(make, 1));
    const [found] = result.found;
    shrunk = found === undefined ? undefined : shrink(found.program, found.identity, make);
  });

  test('is found, and the hypervisor itself is not touched by it', async () => {
    expect(result.found.length).toBeGreaterThan(0);
    const { ours } = await import('./our-subject.js');
    expect(shrunk === undefined ? undefined : run(shrunk.program, ours)).toEqual({
      verdict: 'agree',
      lines: shrunk?.program.lines.length,
    });
  });

  test('shrinks to the same small program each time, with the identity that was found', () => {
    const [found] = result.found;
    expect(shrunk?.program.lines).toHaveLength(1);
    expect(shrunk === undefined ? '' : identityOf(shrunk.failure)).toBe(found?.identity);
    const again = found === undefined ? undefined : shrink(found.program, found.identity, make);
    expect(again?.program).toEqual(shrunk?.program);
  });

  test('shrinks to a program that no single edit makes smaller', () => {
    if (shrunk === undefined) throw new Error('the fault was not found');
    const identity = identityOf(shrunk.failure);
    const candidates = [...smaller(shrunk.program, { pass: 0, at: 0 })];
    const still = candidates.filter(({ program }) => {
      const verdict = run(program, make);
      return isFailure(verdict) && identityOf(verdict) === identity;
    });
    expect(candidates.length).toBeGreaterThan(1);
    expect(still).toEqual([]);
  });

  test('is reported so that it can be read and run again', () => {
    const [found] = result.found;
    if (shrunk === undefined || found === undefined) throw new Error('the fault was not found');
    const text = failureText({
      identity: found.identity,
      failure: shrunk.failure,
      program: shrunk.program,
      origin: 'seed 0x5ef1/0',
      linesBefore: 214,
      fault: fault.id,
    });
    expect(text).toMatchInlineSnapshot(`
      "diverge at line 0 (of 0..0)   [E1] impl answers every program as the model does
      seed 0x5ef1/0   214 lines shrunk to 1   fault: copy-by-gfn-of-anyone

        xenolith-trace 1
        machine small domains=1

      > 0  d1  copy  d1:0x0 -> self:0x0 bytes=0  permission_denied

      rule      [G3.3] permission_denied: the source is a gfn of a domain not named DOMID_SELF
      expected  permission_denied
      actual    okay
      identity  diverge G3.3 copy elements.status"
    `);
  });

  test('does not hide another one', async () => {
    const both = await campaign({
      ...plan(await faultedSubjects(second), 4),
      linesPerEpisode: 500,
    });
    const identities = both.found.map(({ identity }) => identity);
    expect(identities.some((identity) => identity.includes(' copy '))).toBe(true);
    expect(identities.some((identity) => identity.includes(' unmap '))).toBe(true);
  });

  test('whose text is not there, or there twice, is refused with its place', async () => {
    const missing = { ...fault, changes: [{ ...fault.changes[0], find: 'no such text' }] };
    await expect(faultedSubjects(missing as Fault)).rejects.toThrow(
      /copy-grant\.ts the text to find exactly once, found it 0 times/,
    );
    const twice = { ...fault, changes: [{ ...fault.changes[0], find: 'Buffer' }] };
    await expect(faultedSubjects(twice as Fault)).rejects.toThrow(
      /exactly once, found it \d+ times/,
    );
  });
});

describe('a campaign', () => {
  test('comes to the same whenever it is run with the same seed', async () => {
    const make = await faultedSubjects(second);
    const text = async (): Promise<string> =>
      campaignText(await campaign({ ...plan(make, 9), lines: 6000, linesPerEpisode: 500 }));
    expect(await text()).toBe(await text());
  });

  test('stops between two episodes when it is asked to', async () => {
    const abort = new AbortController();
    const result = await campaign({
      ...plan(await faultedSubjects(fault), 99),
      linesPerEpisode: 100,
      signal: abort.signal,
      progress: ({ episodes }) => {
        if (episodes === 3) abort.abort();
      },
    });
    expect(result).toMatchObject({ aborted: true, episodes: 3 });
  });
});
