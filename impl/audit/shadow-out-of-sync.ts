import { Mfn } from '../../abi/ids.js';
import * as entry from '../shadow/entry.js';
import { canGoOutOfSync } from '../shadow/out-of-sync.js';
import type { ShadowState } from '../shadow/state.js';
import type { Findings } from './findings.js';

const WRITERS = 2;

/** Tables out of sync: each in one place, a level 1 table and nothing else, few writers (S15, S17). */
export function auditOutOfSync(state: ShadowState, findings: Findings): void {
  const { outOfSync, slots, host } = state;
  const seen = new Set<number>();
  for (let place = 0; place < outOfSync.placeCount; place += 1) {
    if (!outOfSync.isTaken(place)) continue;
    const mfn = outOfSync.frameAt(place);
    const check = (isTrue: boolean, id: string, what: string): void => {
      findings.check(
        isTrue,
        id,
        'shadow.out_of_sync',
        () => `frame ${mfn}, place ${place}, ${what}`,
      );
    };
    check(!seen.has(mfn), 'S15', 'is out of sync twice');
    seen.add(mfn);
    check(state.isOutOfSync(mfn), 'S15', 'has a place and is not marked');
    check(canGoOutOfSync(state, mfn), 'S15', 'is more than one level 1 table');
    const vcpu = outOfSync.vcpuOf(place);
    const isHome =
      place === outOfSync.homeOf(vcpu, mfn) || place === outOfSync.alternateOf(vcpu, mfn);
    check(isHome, 'S15', 'is where it does not belong');
    let writers = 0;
    const count = slots.collect(mfn);
    for (let at = 0; at < count; at += 1) {
      const slot = slots.found[at] ?? 0;
      if (!entry.isWritable(slots.lowOf(slot))) continue;
      writers += 1;
      check(outOfSync.isWriter(place, slot), 'S17', `can be written through slot ${slot}`);
    }
    check(writers <= WRITERS, 'S17', `has ${writers} writers`);
  }
  for (let frame = 0; frame < host.ram.frameCount; frame += 1) {
    if (!state.isTable(Mfn(frame)) || !state.isOutOfSync(Mfn(frame))) continue;
    findings.check(
      seen.has(frame),
      'S15',
      'shadow.out_of_sync',
      () => `frame ${frame} has no place`,
    );
  }
  findings.check(seen.size === outOfSync.used(), 'S15', 'shadow.out_of_sync', () => {
    return `${seen.size} places are taken, ${outOfSync.used()} are counted`;
  });
}
