/** An internal claim of the hypervisor does not hold: a bug here, never a guest's doing. */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed';
}

/** Throws `AssertionFailed` unless the claim holds; the message states the claim that failed. */
export function assert(claim: boolean, message: string): asserts claim {
  if (!claim) throw new AssertionFailed(message);
}
