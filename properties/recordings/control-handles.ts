import { CONTROL, NO_HANDLE, type Handle } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';

/**
 * The handles of the control domain. It outlives the traces, so that a recorded number depends on what
 * was done before the trace: numbers are names here, as those of machine frames.
 */
export class ControlHandles {
  readonly #ours = new Map<number, Handle>();

  /** The step with our handles for recorded ones. */
  renamed(step: Step): Step {
    if (step.op === 'unmap' && step.caller === CONTROL)
      return {
        ...step,
        elements: step.elements.map((x) => ({ ...x, handle: this.#of(x.handle) })),
      };
    if (step.op === 'unmap_and_replace')
      return {
        ...step,
        elements: step.elements.map((x) => ({ ...x, handle: this.#of(x.handle) })),
      };
    return step;
  }

  /** The reply with recorded handles for ours, which are noted. */
  named(step: Step, recorded: Reply, reply: Reply): Reply {
    const isMap = step.op === 'map' && step.caller === CONTROL;
    if (!isMap || recorded.is !== 'statuses' || reply.is !== 'statuses') return reply;
    const elements = reply.elements.map((element, i) => {
      const name = recorded.elements[i]?.handle;
      if (element.handle === undefined || name === undefined) return element;
      this.#ours.set(name, element.handle);
      return { ...element, handle: name };
    });
    return { is: 'statuses', elements };
  }

  #of(name: Handle): Handle {
    return this.#ours.get(name) ?? NO_HANDLE;
  }
}
