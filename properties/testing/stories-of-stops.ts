import type { Line } from '../../abi/program.js';
import type { Step } from '../../abi/step.js';
import { parseTrace } from '../../counterexamples/parse.js';

/*
 * What Xen may stop (grants.md 5.4, p2m.md 2.9), whatever the spec says: a kind of step that is not here
 * does not compile.
 */

/** `stopped`: between units; `whole`: never; else why no machine here has two units of it. */
export const howXenStops: Readonly<Record<Step['op'], string>> = {
  map: 'stopped',
  unmap: 'stopped',
  copy: 'stopped',
  swap: 'stopped',
  transfer: 'stopped',
  unmap_and_replace: 'stopped',
  populate_physmap: 'stopped',
  decrease_reservation: 'stopped',
  increase_reservation: 'stopped',
  add_to_physmap: 'stopped',
  add_to_physmap_batch: 'stopped',
  acquire_resource: 'stopped',
  destroy: 'stopped',
  set_memory_type: 'stopped',
  pod_target: 'stopped',
  exchange: 'refused at its first extent to whoever has a p2m',
  write_back: 'changes nothing, so that where it is stopped cannot be told',
  log_dirty: 'looks once in 2 ** 24 gfns, with its domain paused until it is through',
  hypercall: 'stopped as what it calls',
  refused_grant_call: 'whole',
  setup_table: 'whole',
  query_size: 'whole',
  set_version: 'whole',
  get_version: 'whole',
  get_status_frames: 'whole',
  remove_from_physmap: 'whole',
  current_reservation: 'whole',
  maximum_reservation: 'whole',
  maximum_gpfn: 'whole',
  claim_pages: 'whole',
  create: 'whole',
  domain_info: 'whole',
  set_memory_limit: 'whole',
  inspect_gfn: 'whole',
  memory_type: 'whole',
  pause: 'whole',
  unpause: 'whole',
  fail_next: 'whole',
  map_foreign: 'whole',
  unmap_window: 'whole',
  interrupt: 'whole',
  resume: 'whole',
  crash: 'whole',
  load: 'whole',
  store: 'whole',
  cmpxchg: 'whole',
  xadd: 'whole',
  fetch: 'whole',
  load_linear: 'whole',
  store_linear: 'whole',
  cmpxchg_linear: 'whole',
  xadd_linear: 'whole',
  fetch_linear: 'whole',
  cr0: 'whole',
  cr3: 'whole',
  cr4: 'whole',
  efer: 'whole',
  pkru: 'whole',
  invlpg: 'whole',
};

/** Calls that a walk of the guests' does not come to, each the last line of its story. */
const stories: readonly string[] = [
  `tool  set_memory_type  d1 gfn=0x1 count=7 type=1`,
  `d1    decrease_reservation  self gfns=0x4
   tool  set_memory_type  d1 gfn=0x1 count=5 type=1`,
  `d0    populate_physmap  d1 gfns=0x40,0x41,0x42 on_demand=1
   tool  pod_target        d1 pages=17
   tool  set_memory_type   d1 gfn=0x3f count=4 type=2`,
  `d0    populate_physmap  d1 gfns=0x40,0x41,0x42,0x43 on_demand=1
   tool  pod_target        d1 pages=24`,
  `d0    populate_physmap  d1 gfns=0x40,0x41,0x42,0x43 on_demand=1
   tool  pod_target        d1 pages=20
   d1    populate_physmap  self gfns=0x40,0x41,0x42
   tool  pod_target        d1 pages=24`,
  `d0    acquire_resource  d1 id=0 frame=0 count=3 query=0`,
  `d0    acquire_resource  d1 id=0 frame=0 count=9 query=0`,
  `d1    set_version       2
   d0    acquire_resource  d1 id=1 frame=0 count=3 query=0`,
  `d1    grant             ref=3 to=d0 gfn=0x3 rw
   d1    store             at=0x4 u32 0x44
   d0    map               d1/3 at=0x802 rw ; d1/3 at=0x803 rw ; d1/3 at=0x806 rw ; d1/3 at=0x807 rw
   tool  map_foreign       w4 d1:0x4 rw
   d0    unmap_and_replace h2 at=0x802 new=0x804 ; h2.1 at=0x803 new=0x802 ; h2.2 at=0x806 new=0x803 ; h2.3 at=0x807 new=0x0`,
  `d1    grant     ref=3 to=d2 gfn=0x3 rw
   d0    transfer  0x0 -> d1/3 ; 0x0 -> d1/4 ; 0x1 -> d1/5`,
  `d1    swap  9 8 ; 8 7 ; 7 6`,
  `d1    grant  ref=3 to=d2 gfn=0x3 rw
   d2    map    d1/3 at=0x30 rw ; d1/3 at=0x31 ro ; d1/4 at=0x32 rw ; d1/3 at=0x33 ro`,
  `d1    grant  ref=3 to=d2 gfn=0x3 rw
   d2    map    d1/3 at=0x30 rw ; d1/3 at=0x31 ro ; d1/3 at=0x32 ro ; d1/3 at=0x33 ro
   d2    unmap  h1 at=0x30 ; h1.1 at=0x31 ; h1.2 at=0x32 ; h1.3 at=0x33`,
  `d1    grant  ref=3 to=d2 gfn=0x3 rw
   d2    map    d1/3 at=0x30 rw ; d1/3 at=0x31 ro
   tool  destroy d2`,
  `d1    copy  self:0x1 -> self:0x2 bytes=8 ; self:0x2 -> self:0x3 bytes=8 ; self:0x3 -> self:0x4 bytes=16`,
  `d1    populate_physmap      self gfns=0x40,0x41,0x42`,
  `d1    decrease_reservation  self gfns=0x1,0x2,0x99,0x3`,
  `d1    increase_reservation  self count=3`,
  `d1    add_to_physmap        self space=gmfn_range index=0x1 gfn=0x40 size=3`,
  `d1    add_to_physmap_batch  self space=gmfn ; 0x1 at=0x40 ; 0x99 at=0x41 ; 0x2 at=0x42`,
];

/** The lines of each. */
export const storiesOfStops: readonly (readonly Line[])[] = stories.map((story) => {
  const rows = story.split('\n').map((row, i) => ` ${i}  ${row.trim()}`);
  const text = `xenolith-trace 1\nmachine whole\ndomain d1\ndomain d2\n\n${rows.join('\n')}\n`;
  return parseTrace(text, 'story').program.lines;
});
