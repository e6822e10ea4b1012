import { Handle, Mfn, type DomainId } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { Step } from '../abi/step.js';
import type { System } from '../abi/system.js';
import { get } from '../values/keyed.js';
import { has } from './keyed-entries.js';
import { boot, isObjection, step as spec, type State } from '../model/model.js';
import { performedBy } from './performed.js';
import type { Subject } from './subject.js';

/**
 * The model standing where a hypervisor stands: it takes the first alternative, the lowest unused
 * handle, and for a frame the page's own number. Programs can be made up, and the harness tried,
 * without any implementation.
 */
export class SpecSystem implements System {
  readonly name = 'spec';
  state: State;
  /** All that may be answered to the last step, its own answer first. */
  allowed: readonly Reply[] = [];

  constructor(machine: Machine) {
    this.state = boot(machine);
  }

  perform(step: Step): Reply {
    const [alternative, ...others] = spec(this.state, step);
    if (alternative === undefined) throw new Error('the spec answers with no alternative');
    const maps = performedBy(this.state, step) === 'map';
    const chosen =
      maps && 'caller' in step
        ? withHandles(this.state, step.caller, alternative.reply)
        : alternative.reply;
    const next = alternative.next(chosen);
    if (isObjection(next)) throw new Error(`the spec objects to itself: ${next.objection}`);
    this.state = next;
    const reply = this.#framed(step, chosen);
    this.allowed = [reply, ...others.map((other) => other.reply)];
    return reply;
  }

  /** The reply with a machine frame wherever one is shown. */
  #framed(step: Step, reply: Reply): Reply {
    if (reply.is === 'inspected' && reply.first !== undefined && step.op === 'inspect_gfn') {
      const entry = get(get(this.state.domains, step.domain)?.p2m, step.gfn);
      return entry === undefined ? reply : { ...reply, frame: Mfn(entry.page) };
    }
    if (reply.is === 'preempted') return { is: reply.is, done: this.#framed(step, reply.done) };
    if (reply.is !== 'statuses' || !('caller' in step)) return reply;
    const mappings = get(this.state.domains, step.caller)?.mappings;
    const elements = reply.elements.map((element): ElementReply => {
      const mapping = element.handle === undefined ? undefined : get(mappings, element.handle);
      return mapping === undefined ? element : { ...element, frame: Mfn(mapping.page) };
    });
    return { is: 'statuses', elements };
  }
}

/** The reply to a map with a handle for each mapping: the lowest that are unused. */
export function withHandles(state: State, caller: DomainId, reply: Reply): Reply {
  if (reply.is === 'preempted')
    return { is: reply.is, done: withHandles(state, caller, reply.done) };
  if (reply.is !== 'statuses') return reply;
  const mappings = get(state.domains, caller)?.mappings;
  let handle = 0;
  const elements = reply.elements.map((element): ElementReply => {
    if (element.status !== 'okay') return element;
    while (has(mappings, handle)) handle++;
    return { ...element, handle: Handle(handle++) };
  });
  return { is: 'statuses', elements };
}

/** The model as a system under test; nothing but its replies can be seen. */
export const specSubject = (machine: Machine): Subject => ({
  system: new SpecSystem(machine),
  observer: undefined,
  begin: () => undefined,
});
