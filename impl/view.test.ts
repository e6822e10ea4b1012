import { describe, expect, test } from 'vitest';
import { DomainId, Gfn } from '../abi/ids.js';
import { frameAt, mapped } from './testing/mapped.js';

describe('view', () => {
  test('a mapping shows at the mapper, its pin at the granter, its frame at both', () => {
    const guests = mapped();
    const [granter, mapper] = guests.observer.view().domains;
    const mfn = frameAt(guests, 1, 5);
    const inMemory = { host: true, device: false, byEntry: false };
    expect(mapper?.mappings).toEqual([
      { handle: 0, granter: 1, ref: 3, readonly: false, mfn, ...inMemory },
    ]);
    const device = { deviceRead: 0, deviceWrite: 0 };
    expect(granter?.pins).toEqual([
      { ref: 3, grantee: 2, mfn, hostRead: 0, hostWrite: 1, ...device },
    ]);
    expect(mapper?.vcpus).toEqual([
      { cr0: 0x11, cr3: { low: 0, high: 0 }, cr4: 0, efer: 0, pkru: 0, pdptes: [] },
    ]);
    expect(mapper?.p2m.at(-1)).toEqual({ gfn: 0x50, type: 'grant_map_rw', mfn });
    expect(guests.observer.entryAt(DomainId(2), Gfn(0x50))).toEqual({ type: 'grant_map_rw', mfn });
    expect(guests.observer.entryAt(DomainId(2), Gfn(0x51))).toBeUndefined();
  });
});
