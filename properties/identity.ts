import type { Failure } from './verdict.js';

/**
 * What makes two failures one: the verdict, the rule or claim, the operation and the place. Never
 * a message, a number or a name. Printed as `diverge G7.3 map elements.status`.
 */
export type Identity = string;

export const identityOf = (failure: Failure): Identity =>
  `${failure.verdict} ${failure.claim} ${failure.occasion} ${failure.path}`;
