import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, Mfn } from '../abi/ids.js';
import type { ControlView, DomainView, View } from '../abi/observer.js';
import { parseTrace } from '../counterexamples/parse.js';
import { ours } from './our-subject.js';
import { Running } from './running.js';
import type { MakeSubject } from './subject.js';
import type { Failure } from './verdict.js';

const { program } = parseTrace(
  `xenolith-trace 1
machine small

0  d1  set_version  2                          ok v2
1  d1  grant        ref=3 to=d2 gfn=0x5 rw v2  ok
2  d2  map          d1/3 at=0x50 rw            ok
3  tool  log_dirty  d1 enable                  0
4  d1  store        at=0x2 u32 0x00000001      ok
`,
  'mapped.trace',
);

/** What the small machine has not: a control domain that maps, pages kept, and calls that are stopped. */
const { program: whole } = parseTrace(
  `xenolith-trace 1
machine whole paging=hap vcpus=2
domain d1

0  d1    grant         ref=3 to=d0 gfn=0x5 rw          ok
1  d0    map           d1/3 at=0x804 flags=0x3         ok
2  tool  map_foreign   w0 d1:0x2 rw                    ok
3  d0.1  interrupt     after=2                         done
4  tool  fail_next     page after=7                    done
5  tool  pause         d1                              0
`,
  'whole.trace',
);

/** What the look at everything says of our system when its view is changed like this. */
function seen(change: (view: View) => View, bit = 0, shown = program): Failure | undefined {
  const lies = { on: false };
  const make: MakeSubject = (machine) => {
    const subject = ours(machine);
    const { observer } = subject;
    if (observer === undefined) throw new Error('our system can be observed');
    return {
      ...subject,
      observer: {
        changes: () => observer.changes(),
        entryAt: (domain, gfn) => observer.entryAt(domain, gfn),
        hypervisorFramesOf: (domain) => observer.hypervisorFramesOf(domain),
        wordOf: (mfn, index) => observer.wordOf(mfn, index) ^ (lies.on && index === 1023 ? bit : 0),
        auditChanges: () => observer.auditChanges(),
        audit: () => observer.audit(),
        view: () => change(observer.view()),
      },
    };
  };
  const running = new Running(shown.machine, shown.boot, make);
  for (const line of shown.lines) expect(running.perform(line)).toBeUndefined();
  lies.on = true;
  return running.checkAll();
}

const of =
  (id: number, change: (domain: DomainView) => Partial<DomainView>) =>
  (view: View): View => ({
    ...view,
    domains: view.domains.map((domain) =>
      domain.domain === DomainId(id) ? { ...domain, ...change(domain) } : domain,
    ),
  });

/** A list with its first element changed. */
const first = <Value>(values: readonly Value[], change: Partial<Value>): readonly Value[] =>
  values.map((value, i) => (i === 0 ? { ...value, ...change } : value));

const lies: readonly (readonly [path: string, lie: (view: View) => View])[] = [
  ['domains', ({ domains, ...view }) => ({ ...view, domains: domains.slice(1) })],
  ['life', of(1, () => ({ life: 'crashed' }))],
  ['pages', of(1, ({ pages }) => ({ pages: pages + 1 }))],
  ['maximumPages', of(1, ({ maximumPages }) => ({ maximumPages: maximumPages + 1 }))],
  ['maximumGfn', of(1, ({ maximumGfn }) => ({ maximumGfn: Gfn(maximumGfn + 1) }))],
  ['grantVersion', of(1, () => ({ grantVersion: 1 }))],
  ['p2m.gfns', of(1, ({ p2m }) => ({ p2m: p2m.slice(1) }))],
  ['p2m.type', of(1, ({ p2m }) => ({ p2m: first(p2m, { type: 'grant_map_ro' }) }))],
  ['p2m.frame', of(1, ({ p2m }) => ({ p2m: first(p2m, { mfn: Mfn(1) }) }))],
  ['grantFrames', of(1, () => ({ grantFrames: [] }))],
  ['statusFrames', of(1, () => ({ statusFrames: [] }))],
  ['sharedInfo', of(1, () => ({ sharedInfo: Mfn(0) }))],
  ['mappings', of(2, ({ mappings }) => ({ mappings: first(mappings, { readonly: true }) }))],
  ['mappings', of(2, ({ mappings }) => ({ mappings: first(mappings, { mfn: Mfn(0) }) }))],
  ['pins', of(1, () => ({ pins: [] }))],
  ['pins', of(1, ({ pins }) => ({ pins: first(pins, { hostRead: 1 }) }))],
  ['pins', of(1, ({ pins }) => ({ pins: first(pins, { grantee: DomainId(3) }) }))],
  ['logged', of(1, () => ({ logged: [] }))],
  ['logged', of(1, () => ({ logged: undefined }))],
  ['logged', of(2, () => ({ logged: [Gfn(0)] }))],
  ['pauses', of(1, () => ({ pauses: 1 }))],
];

const ofControl =
  (change: (control: ControlView) => Partial<ControlView>) =>
  (view: View): View => ({ ...view, control: { ...view.control, ...change(view.control) } });

const liesOfMore: readonly (readonly [path: string, lie: (view: View) => View])[] = [
  ['mappings', ofControl(() => ({ mappings: [] }))],
  ['mappings', ofControl(({ mappings }) => ({ mappings: first(mappings, { device: false }) }))],
  ['mappings', ofControl(({ mappings }) => ({ mappings: first(mappings, { byEntry: true }) }))],
  ['windows', ofControl(({ windows }) => ({ windows: windows.slice(1) }))],
  ['windows', ofControl(({ windows }) => ({ windows: first(windows, { readonly: true }) }))],
  ['windows', ofControl(({ windows }) => ({ windows: first(windows, { mfn: Mfn(1) }) }))],
  ['pages', ofControl(({ pages }) => ({ pages: pages - 1 }))],
  ['grantVersion', ofControl(() => ({ grantVersion: 2 }))],
  ['calls', ofControl(({ calls }) => ({ calls: calls.map((call) => ({ ...call, limit: 1 })) }))],
  ['pauses', of(1, () => ({ pauses: 0 }))],
  ['failing.page', (view) => ({ ...view, failing: { ...view.failing, page: 6 } })],
  ['demand.kept', of(1, ({ demand }) => ({ demand: { ...demand, kept: [Mfn(1)] } }))],
  ['demand.recent', of(1, ({ demand }) => ({ demand: { ...demand, recent: [Gfn(1)] } }))],
  ['demand.highest', of(1, ({ demand }) => ({ demand: { ...demand, highest: Gfn(1) } }))],
];

describe('[E6] a look at everything', () => {
  test('believes an honest system', () => {
    expect(seen((view) => view)).toBeUndefined();
  });

  test.each(lies)('finds a lie about %s', (path, lie) => {
    expect(seen(lie)).toMatchObject({ verdict: 'violate', claim: 'E6', path });
  });

  test('believes an honest system that has more to show', () => {
    expect(seen((view) => view, 0, whole)).toBeUndefined();
  });

  test.each(liesOfMore)('finds a lie about %s there', (path, lie) => {
    expect(seen(lie, 0, whole)).toMatchObject({ verdict: 'violate', claim: 'E6', path });
  });

  test('finds a bit that is other than the spec has it', () => {
    expect(seen((view) => view, 1)).toMatchObject({ claim: 'E6', path: 'frame.content' });
  });
});
