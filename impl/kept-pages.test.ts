import { expect, test } from 'vitest';
import { CONTROL, DomainId, Gfn, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import { Hypervisor } from './hypervisor.js';

test('[P14] between two runs of one extent that is left to demand others could be seen', () => {
  let stops = 0;
  const hypervisor = new Hypervisor(presets.whole, {}, (point) => {
    if (point === 'physmap/extent') stops += 1;
  });
  const domain = DomainId(1);
  hypervisor.perform({ op: 'create', domain, config: presets.whole.defaults });
  const by = { caller: CONTROL, vcpu: VcpuId(0), target: domain } as const;
  const extents = [Gfn(0x101)];
  const made = { op: 'populate_physmap', ...by, extents, order: 2, onDemand: true } as const;
  stops = 0;
  expect(hypervisor.perform(made)).toEqual({ is: 'rc', rc: 1 });
  // Gfns 0x101, 0x102 with one left over, and so on: an odd start leaves runs of one gfn.
  expect(stops).toBeGreaterThan(0);
});
