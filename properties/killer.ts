import { presets, type Machine, type Paging, type Surface } from '../abi/machine.js';
import type { Identity } from './identity.js';

/** How one fault is found: by which campaign, as what, how soon, and how short the story gets. */
export interface Killer {
  /** The failure that it is known by; its campaign may meet others on the way. */
  readonly by: Identity;
  /** Of a campaign that finds it early. */
  readonly seed: string;
  /** The machine of that campaign is `paged`, with this paging; else it is `small`. */
  readonly paging?: Paging;
  /** It is `whole` instead of `paged` where the fault is in what only that machine has. */
  readonly surface?: Surface;
  /** The campaign has found it when the episode in which this many lines are reached is over. */
  readonly linesAtMost: number;
  /** Lines that the program is shrunk to. */
  readonly shrinksTo: number;
  /** The file in `counterexamples/` that tells it, without its ending. */
  readonly counterexample: string;
}

/** The machine of the campaign that finds a fault. */
export const machineOf = ({ paging, surface }: Killer): Machine =>
  paging === undefined
    ? presets.small
    : { ...(surface === 'whole' ? presets.whole : presets.paged), paging };
