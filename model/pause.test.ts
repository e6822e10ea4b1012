import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const scenarios: Scenarios = {
  '[D10] [D12] [D11] a paused domain does nothing until it is unpaused as often': `
    0  tool  pause    d1                 ok
    1  tool  pause    d1                 ok
    2  d1    load     at=0x1 u8          paused
    3  tool  unpause  d1                 ok
    4  d1    store    at=0x1 u8 0x1      paused
    5  tool  unpause  d1                 ok
    6  d1    load     at=0x1 u8          0x00000000
    7  d1    current_reservation  self   8`,
  '[D12] what a paused domain lends is lent on, mapped and written': `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  tool  pause    d1                      ok
    2  d2    map      d1/3 at=0x30 rw         ok
    3  d2    store    at=0x30 u32 0x11        ok
    4  d1    unmap    #0 at=0x30              paused
    5  tool  unpause  d1                      ok
    6  d1    load     at=0x1 u32              0x00000011`,
  '[D10] the control domain manages a paused domain, and may crash and destroy it': `
    0  tool  pause                 d1              ok
    1  d0    populate_physmap      d1 gfns=0x10    1
    2  tool  domain_info           d1              pages=9 maximum=14
    3  tool  destroy               d1              ok
    4  tool  create                d1              ok
    5  d1    load                  at=0x1 u8       0x00000000`,
  '[D3] a vcpu that does not exist, or a domain that crashed, is not paused': `
    0  d1    crash                  crashed
    1  tool  pause    d1            ok
    2  d1    load     at=0x1 u8     no_domain
    3  tool  pause    d2            ok
    4  d2.3  load     at=0x1 u8     no_domain`,
  '[D10.1] [D11.1] neither the control domain nor one that does not exist is paused': `
    0  tool  pause    d0  -ESRCH
    1  tool  pause    d9  -ESRCH
    2  tool  unpause  d0  -ESRCH`,
  '[D10.2] [D11.2] pauses are counted': `
    0  tool  unpause  d1  -EINVAL
    1  tool  pause    d1  ok
    2  tool  pause    d1  ok
    3  tool  pause    d1  ok
    4  tool  pause    d1  -EOVERFLOW
    5  tool  unpause  d1  ok
    6  tool  pause    d1  ok`,
};

describe('pauses', () => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const played = play(script);
    expect(played.text).toBe(script);
    expect(played.reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
