import type { DomainId, Gfn, Mfn } from '../../abi/ids.js';
import type { FrameShare } from '../allocator.js';
import type { Failing } from '../failing.js';
import type { Ram } from '../hardware/ram.js';
import type { Counters } from '../options.js';
import type { EntryLog } from './entry-log.js';

/** A frame of the domain's own table memory, and what it is for. */
export interface TableFrame {
  readonly mfn: Mfn;
  readonly level: number;
  /** First gfn it translates. */
  readonly base: Gfn;
  /** Table and entry that point to it; undefined for the root. */
  readonly parent: Mfn | undefined;
  readonly index: number;
}

/** What the table of one domain is made of and bounded by. */
export interface P2mSetting {
  readonly domain: DomainId;
  readonly ram: Ram;
  readonly share: FrameShare;
  readonly log: EntryLog;
  readonly failing: Failing;
  readonly counters: Counters;
  readonly gfnLimit: number;
  readonly tableFrames: number;
  /** RAM in frames in a row is one entry where it can be. */
  readonly superpages: boolean;
}
