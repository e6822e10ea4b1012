import { NO_SHADOW } from './types.js';

/** What a guest's entry comes to in a shadow. One is kept and refilled. */
export class Derived {
  /** Level 1: the two words; both zero where there is to be no entry. */
  low = 0;
  high = 0;
  /** Level 1: the frame is reached through a grant mapping. */
  isGrant = false;
  /** Upper levels: what the entry leads to; `NO_SHADOW` where there is to be no entry. */
  childType = NO_SHADOW;
  childKey = 0;
  /** Upper levels: US and RW as in a low word, NX as in a high word. */
  rights = 0;
  noExecute = 0;

  clear(): void {
    this.low = 0;
    this.high = 0;
    this.isGrant = false;
    this.childType = NO_SHADOW;
    this.childKey = 0;
    this.rights = 0;
    this.noExecute = 0;
  }
}
