import { CONTROL, DomainId, Gfn, Mfn } from '../abi/ids.js';
import type { Changes, EntryView, Gap, Observer } from '../abi/observer.js';
import { wordAt, type Content } from '../values/content.js';
import { get, has } from '../values/keyed.js';
import { PageId, type Domain, type Entry, type Page, type State } from '../model/state.js';
import type { ClaimId } from './claims.js';
import { Frames } from './frames.js';
import { differences } from './keyed-differences.js';
import { entries } from './keyed-entries.js';

/** A claim that does not hold, with the place and both sides. */
export interface Witness {
  readonly claim: string;
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

const PAGE_WORDS = 1024;
const RUN_WORDS = 32;

/**
 * The frame rule: a step changes in the system what it changes in the model, and nothing else.
 * Every entry and byte that the system wrote is looked up in the model, every entry and page that
 * the model changed is looked up in the system; what neither touched is not looked at.
 */
export class FrameRule {
  readonly frames = new Frames();
  readonly #observer: Observer;
  #after: State | undefined;
  #domain = DomainId(0);
  #found: Witness | undefined;
  /** Pages whose content changed, with the content before; reused, `#changedCount` are in use. */
  readonly #changed: PageId[] = [];
  readonly #contentBefore: Content[] = [];
  #changedCount = 0;
  /** By frame: the last step in which it was compared as a whole. */
  readonly #comparedAt: (number | undefined)[] = [];
  #step = 0;

  /** Which frames the control domain has is known from the start. */
  constructor(observer: Observer, start: State) {
    this.#observer = observer;
    const control = get(start.domains, CONTROL);
    for (const [gfn, { page }] of entries(control?.p2m)) this.frames.bind(page, Mfn(gfn));
  }

  /**
   * Judges one step by the states around it, and by what the system wrote; undefined where the rule
   * holds.
   */
  check(before: State, after: State, changes: Changes): Witness | undefined {
    this.#found = undefined;
    this.#after = after;
    this.#changedCount = 0;
    this.#step++;
    if (before !== after) {
      differences(before.pages, after.pages, this.#pageDiffers);
      differences(before.domains, after.domains, this.#domainDiffers);
      for (let i = 0; i < this.#changedCount; i++) this.#checkChangedPage(i, after);
    }
    for (let i = 0; i < changes.entryCount; i++) this.#checkWrittenEntry(changes, i, after);
    for (let i = 0; i < changes.frameCount; i++) this.#checkWrittenFrame(changes, i, after);
    return this.#found;
  }

  readonly #pageDiffers = (
    key: number,
    before: Page | undefined,
    after: Page | undefined,
  ): void => {
    const page = PageId(key);
    if (after === undefined) return this.frames.forget(page);
    if (after.frame !== undefined && after.frame !== before?.frame) this.#bind(page, after.frame);
    if (before === undefined || before.content === after.content) return;
    this.#changed[this.#changedCount] = page;
    this.#contentBefore[this.#changedCount] = before.content;
    this.#changedCount++;
  };

  readonly #domainDiffers = (
    key: number,
    before: Domain | undefined,
    after: Domain | undefined,
  ): void => {
    if (after === undefined) return;
    this.#domain = DomainId(key);
    // The control domain has no p2m to be seen: its gfns are machine frames.
    if (key !== CONTROL) differences(before?.p2m, after.p2m, this.#entryDiffers);
    if (before?.onDemand !== after.onDemand)
      differences(before?.onDemand, after.onDemand, this.#gapDiffers);
    if (
      before?.grantFrames !== after.grantFrames ||
      before.statusFrames !== after.statusFrames ||
      before.sharedInfo !== after.sharedInfo
    )
      this.#learnHypervisorFrames(after);
  };

  readonly #entryDiffers = (
    gfn: number,
    _before: Entry | undefined,
    after: Entry | undefined,
  ): void => {
    this.#compareEntry(this.#domain, Gfn(gfn), after);
  };

  readonly #gapDiffers = (gfn: number): void => {
    const owner = this.#after === undefined ? undefined : get(this.#after.domains, this.#domain);
    if (owner !== undefined) this.#compareEntry(this.#domain, Gfn(gfn), get(owner.p2m, gfn));
  };

  #checkWrittenEntry(changes: Changes, index: number, after: State): void {
    const domain = changes.entryDomain[index];
    const gfn = changes.entryGfn[index];
    if (domain === undefined || gfn === undefined) return;
    const owner = get(after.domains, domain);
    if (owner !== undefined) this.#compareEntry(domain, gfn, get(owner.p2m, gfn));
  }

  #compareEntry(domain: DomainId, gfn: Gfn, entry: Entry | undefined): void {
    const actual = this.#observer.entryAt(domain, gfn);
    const expected = entry?.type ?? gapAt(this.#after, domain, gfn);
    if (actual?.type !== expected) {
      const place = `d${domain} gfn 0x${gfn.toString(16)}: `;
      const words = entry === undefined ? (expected ?? 'nothing') : inWords(entry);
      this.#object('E3', 'p2m.type', place + words, place + seenInWords(actual));
    } else if (actual !== undefined && entry !== undefined) {
      this.#bind(entry.page, actual.mfn);
    }
  }

  /** Notes which frame a page is; a page met for the first time is compared as a whole. */
  #bind(page: PageId, frame: Mfn): void {
    const known = this.frames.frameOf(page);
    if (known === frame) return;
    if (!this.frames.bind(page, frame)) {
      const other = this.frames.pageOf(frame);
      const expected = known === undefined ? `not page ${String(other)}` : `frame ${known}`;
      return this.#object('E5', 'page.frame', `page ${page}: ${expected}`, `frame ${frame}`);
    }
    const content = this.#after === undefined ? undefined : get(this.#after.pages, page)?.content;
    this.#compareWords(frame, content, 0, PAGE_WORDS);
    this.#comparedAt[frame] = this.#step;
  }

  /** Grant, status and shared info frames need not be mapped anywhere: they are asked for. */
  #learnHypervisorFrames(domain: Domain): void {
    const view = this.#observer.hypervisorFramesOf(domain.id);
    if (view === undefined) return;
    this.#learnList('grantFrames', domain.grantFrames, view.grantFrames);
    this.#learnList('statusFrames', domain.statusFrames, view.statusFrames);
    this.#bind(domain.sharedInfo, view.sharedInfo);
  }

  #learnList(path: string, pages: readonly PageId[], frames: readonly Mfn[]): void {
    if (pages.length !== frames.length)
      this.#object('E6', `${path}.length`, String(pages.length), String(frames.length));
    pages.forEach((page, i) => {
      const frame = frames[i];
      if (frame !== undefined) this.#bind(page, frame);
    });
  }

  #checkChangedPage(index: number, after: State): void {
    const page = this.#changed[index];
    if (page === undefined) return;
    const frame = this.frames.frameOf(page);
    const now = get(after.pages, page)?.content;
    const before = this.#contentBefore[index];
    if (frame === undefined) return;
    for (let run = 0; run < PAGE_WORDS / RUN_WORDS; run++)
      if (before?.[run] !== now?.[run])
        this.#compareWords(frame, now, run * RUN_WORDS, (run + 1) * RUN_WORDS);
  }

  #checkWrittenFrame(changes: Changes, index: number, after: State): void {
    const frame = changes.frame[index];
    const from = changes.from[index];
    const to = changes.to[index];
    if (frame === undefined || from === undefined || to === undefined) return;
    const page = this.frames.pageOf(frame);
    if (this.#comparedAt[frame] === this.#step) return;
    // A frame nobody has seen yet can only have been scrubbed for its new owner.
    const content = page === undefined ? undefined : get(after.pages, page)?.content;
    this.#compareWords(frame, content, from >>> 2, (to + 3) >>> 2);
  }

  /** Words [from, to) of a frame against a page's content, run by run. */
  #compareWords(frame: Mfn, content: Content, from: number, to: number): void {
    const observer = this.#observer;
    for (let index = from; index < to;) {
      const run = content?.[index >>> 5];
      const end = Math.min(to, (index | (RUN_WORDS - 1)) + 1);
      for (; index < end; index++) {
        const expected = run === undefined ? 0 : run[index & (RUN_WORDS - 1)];
        if (observer.wordOf(frame, index) !== expected)
          return this.#objectToWord(frame, content, index);
      }
    }
  }

  #objectToWord(frame: Mfn, content: Content, index: number): void {
    const place = `frame ${frame} byte 0x${(index * 4).toString(16)}: `;
    const actual = this.#observer.wordOf(frame, index);
    this.#object('E4', 'frame.content', place + hex(wordAt(content, index)), place + hex(actual));
  }

  #object(claim: ClaimId, path: string, expected: string, actual: string): void {
    this.#found ??= { claim, path, expected, actual };
  }
}

/** What a gfn without a page is, if it gets one on demand. */
function gapAt(state: State | undefined, id: DomainId, gfn: Gfn): Gap | undefined {
  const domain = state === undefined ? undefined : get(state.domains, id);
  const isGap = domain?.tornDown === false && has(domain.onDemand, gfn);
  return isGap ? 'populate_on_demand' : undefined;
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`;
const inWords = (entry: Entry | undefined): string =>
  entry === undefined ? 'nothing' : `${entry.type} of page ${entry.page}`;
const seenInWords = (entry: EntryView | undefined): string =>
  entry === undefined ? 'nothing' : `${entry.type} of frame ${entry.mfn}`;
