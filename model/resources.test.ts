import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[P17] [D5] a claim is for what a domain lacks, and for what it gives back, until it is met': `
    0  d0    claim_pages           d1 pages=0xb            ok
    1  tool  domain_info           d1                      pages=8 maximum=14 outstanding=3
    2  d1    populate_physmap      self gfns=0x40,0x41     2
    3  d1    decrease_reservation  self gfns=0x40          1
    4  tool  domain_info           d1                      pages=9 maximum=14 outstanding=2
    5  d1    populate_physmap      self gfns=0x40,0x42     2
    6  d1    decrease_reservation  self gfns=0x40          1
    7  tool  domain_info           d1                      pages=10 maximum=14`,
  '[P17] [D2] a claim is given up, or goes when the domain begins to die': `
    0  d0    claim_pages    d1 pages=0xb                   ok
    1  d0    claim_pages    d1 pages=0x0                   ok
    2  tool  domain_info    d1                             pages=8 maximum=14
    3  d0    claim_pages    d1 pages=0xb                   ok
    4  d1    grant          ref=3 to=d2 gfn=0x1 rw         ok
    5  d2    map            d1/3 at=0x50 rw                ok
    6  tool  destroy        d1                             ok
    7  tool  domain_info    d1                             pages=1 maximum=14 dying
    8  d0    claim_pages    d1 pages=0x2                   ok
    9  tool  domain_info    d1                             pages=1 maximum=14 outstanding=1 dying`,
  '[P18] [G7] frames of a table are acquired, and it grows to have them': `
    0  d0    acquire_resource  d1 id=0 frame=0x0 count=2 query=0  ok count=2
    1  d1    query_size        self                               ok frames=2 maximum=3
    2  d0    acquire_resource  d1 id=0 frame=0x0 count=0 query=1  ok count=3
    3  d1    set_version       2                                  ok v2
    4  d0    acquire_resource  d1 id=1 frame=0x0 count=1 query=0  ok count=1`,
};

const refusals: Scenarios = {
  '[P17.1] [P17.2] [P17.3] [P17.4] a claim that cannot be': `
    0  d0  claim_pages  d9 pages=0x9    -EINVAL
    1  d0  claim_pages  self pages=0x9  -EINVAL
    2  d1  claim_pages  d1 pages=0x9    -EPERM
    3  d0  claim_pages  d1 pages=0x8    -EINVAL
    4  d0  claim_pages  d1 pages=0xf    -EINVAL
    5  d0  claim_pages  d1 pages=0x9    ok
    6  d0  claim_pages  d1 pages=0xa    -EINVAL`,
  '[P17.6] what is claimed is claimed by single pages, whoever asks and for whom': `
    0  d0    claim_pages  d9 pages=0x9 order=1  -EINVAL
    1  d1    claim_pages  d1 pages=0x9 order=1  -EINVAL
    2  d0    claim_pages  d1 pages=0x9 order=1  -EINVAL
    3  tool  domain_info  d1                    pages=8 maximum=14`,
  '[P17.5] [P6.6] [P7.6] what is claimed is left for nobody else, not even to be claimed': `
    0   tool  set_memory_limit      d1 pages=0x1000    ok
    1   tool  set_memory_limit      d2 pages=0x1000    ok
    2   d0    claim_pages           d1 pages=0x1000    -ENOMEM
    3   d1    increase_reservation  self count=6       6
    4   d0    claim_pages           d1 pages=0x10      ok
    5   d2    populate_physmap      self gfns=0x40,0x41,0x42,0x43,0x44,0x45,0x46,0x47,0x48,0x49,0x4a,0x4b,0x4c,0x4d,0x4e,0x4f,0x50  16
    6   d2    increase_reservation  self count=1       0
    7   d0    claim_pages           d2 pages=0x19      -ENOMEM
    8   d1    increase_reservation  self count=2       2`,
  '[P18.1] [P18.2] [P18.3] [P18.4] [P18.5] frames that cannot be acquired': `
    0  d1  acquire_resource  d1 id=0 frame=0x0 count=1 query=0    -EACCES count=1
    1  d0  acquire_resource  d9 id=0 frame=0x0 count=1 query=0    -ESRCH count=1
    2  d0  acquire_resource  self id=0 frame=0x0 count=1 query=0  -ESRCH count=1
    3  d0  acquire_resource  d0 id=0 frame=0x0 count=1 query=0    -EPERM count=1
    4  d0  acquire_resource  d1 id=2 frame=0x0 count=1 query=0    -EINVAL count=1
    5  d0  acquire_resource  d1 id=0 frame=0x0 count=0 query=0    -EINVAL count=0
    6  d0  acquire_resource  d1 id=0 frame=0x0 count=5 query=1    -EINVAL count=5`,
  '[P18.6] [P18.7] frames that a table has not, and may not have': `
    0  d0  acquire_resource  d1 id=1 frame=0x0 count=1 query=0         -EINVAL count=1
    1  d0  acquire_resource  d1 id=0 frame=0x2 count=2 query=0         -EINVAL count=2
    2  d0  acquire_resource  d1 id=0 frame=0x80000000 count=1 query=0  -EINVAL count=1
    3  d1  query_size        self                                      ok frames=1 maximum=3`,
};

describe.each([
  ['effects', effects],
  ['refusals', refusals],
])('resources: %s', (_, scenarios) => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const played = play(script);
    expect(played.text).toBe(script);
    expect(played.reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
