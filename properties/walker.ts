import type { Machine } from '../abi/machine.js';
import type { Boot, Line, Program } from '../abi/program.js';
import { DomainId } from '../abi/ids.js';
import { seeded } from './choose.js';
import type { Coverage } from './coverage.js';
import { farewellLines, leftover } from './farewell.js';
import { chooseEmphasis, type EmphasisName } from './generate/emphasis.js';
import type { GuestMode } from './generate/guest-mode.js';
import { nextLine, openingLines } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { identityOf, type Identity } from './identity.js';
import { run } from './run.js';
import { Running } from './running.js';
import type { MakeSubject } from './subject.js';
import { isFailure, type Failure } from './verdict.js';

/** What every episode of a campaign has in common. */
export interface EpisodePlan {
  readonly machine: Machine;
  readonly boot: readonly Boot[];
  readonly emphasis: EmphasisName;
  /** How guests page; undefined where they go by physical addresses only. */
  readonly guests: GuestMode | undefined;
  /** Lines of one episode, its farewell not counted. */
  readonly lines: number;
  /** Everything is checked every so many lines, and at the end. */
  readonly stride: number;
  readonly make: MakeSubject;
}

/** A failure, with the program that ends in it. */
export interface Found {
  readonly identity: Identity;
  readonly failure: Failure;
  readonly program: Program;
  /** The seed of the episode, which re-creates the program by itself. */
  readonly seed: string;
}

/** What an episode came to. */
export interface EpisodeEnd {
  readonly lines: number;
  /** One for each identity that was not muted, in the order of finding. */
  readonly found: readonly Found[];
  /**
   * [E7] The walk came to a state, said farewell, and everything came back: no line of the farewell failed,
   * nor the look at everything after it, muted or not.
   */
  readonly isRecovered: boolean;
}

/** All domains of a machine as its defaults want them, in the order of their ids. */
export const defaultBoot = (machine: Machine): readonly Boot[] =>
  Array.from({ length: machine.domains }, (_, i) => ({
    domain: DomainId(i + 1),
    config: machine.defaults,
  }));

/** An episode that keeps running into bugs is given up after so many. */
const TAKE_BACKS = 8;

/**
 * One seeded walk on a fresh machine. A failure is noted, then its line is taken back (the lines
 * before it are replayed on a fresh machine) and the walk goes on, so that one bug does not hide
 * the next. Identities in `muted` are not reported; found ones are added to it.
 */
export class Episode {
  readonly #plan: EpisodePlan;
  readonly #seed: string;
  readonly #muted: Set<Identity>;
  readonly #scene: Scene;
  readonly #found: Found[] = [];
  #running: Running;
  #soundLines = 0;
  #takenBack = 0;

  constructor(seed: string, plan: EpisodePlan, muted: Set<Identity>, coverage?: Coverage) {
    this.#plan = plan;
    this.#seed = seed;
    this.#muted = muted;
    this.#running = new Running(plan.machine, plan.boot, plan.make, coverage);
    const choose = seeded(seed);
    const emphasis = chooseEmphasis(choose, plan.emphasis, plan.guests, plan.machine.surface);
    this.#scene = new Scene(choose, plan.machine, emphasis, this.#running.state);
  }

  /** Walks to the end, through the farewell. */
  walk(): EpisodeEnd {
    const { bootFailure } = this.#running;
    if (bootFailure !== undefined) {
      this.#report(bootFailure, []);
      return this.#end();
    }
    const opening = openingLines(
      this.#scene,
      this.#plan.boot.map(({ domain }) => domain),
    );
    let count = 0;
    for (const line of opening) {
      if (!this.#perform(line)) return this.#end();
      count++;
    }
    for (; count < this.#plan.lines; count++)
      if (!this.#perform(nextLine(this.#scene))) return this.#end();
    const takenBack = this.#takenBack;
    for (const line of farewellLines(this.#scene)) if (!this.#perform(line)) return this.#end();
    const isClean = this.#finish();
    return this.#end(isClean && this.#takenBack === takenBack);
  }

  #end(isRecovered = false): EpisodeEnd {
    return { lines: this.#running.lines.length, found: this.#found, isRecovered };
  }

  /** False where the episode is over. */
  #perform(line: Line): boolean {
    const failure = this.#running.perform(line);
    if (failure !== undefined) return this.#caught(failure);
    this.#scene.state = this.#running.state;
    this.#scene.noteHandles(line, this.#running.lines.length - 1, this.#running.reply);

    const count = this.#running.lines.length;
    if (count % this.#plan.stride !== 0) return true;
    const late = this.#running.checkAll();
    if (late !== undefined) return this.#caughtLate(late);
    this.#soundLines = count;
    return true;
  }

  /** Whether all that was there came back. */
  #finish(): boolean {
    const late = this.#running.checkAll();
    const last = this.#running.lines.length - 1;
    const failure = late === undefined ? leftover(this.#running.state, last) : late;
    if (failure !== undefined) this.#caughtLate(failure);
    return failure === undefined;
  }

  /** A new failure may be the late sign of an older one, which is then the one to tell. */
  #caught(failure: Failure): boolean {
    const sign = identityOf(failure);
    if (this.#muted.has(sign)) return this.#takeBack(failure);
    const first = this.#firstFailure(failure);
    const goesOn = this.#takeBack(first);
    this.#muted.add(sign);
    return goesOn;
  }

  /** One that only a look at everything shows. Where it is known already, the episode is over. */
  #caughtLate(late: Failure): boolean {
    const first = late.claim === 'E7' ? late : this.#firstFailure(late);
    return this.#muted.has(identityOf(first)) ? false : this.#takeBack(first);
  }

  /** The first failure of the lines so far, with a look at everything after every line. */
  #firstFailure(late: Failure): Failure {
    const checks = { stride: 1, soundLines: this.#soundLines, atEnd: false };
    const verdict = run(this.#program(this.#running.lines), this.#plan.make, checks);
    if (isFailure(verdict)) return verdict;
    return { ...late, verdict: 'harness_error', actual: `not the second time: ${late.actual}` };
  }

  #program(lines: readonly Line[]): Program {
    return { machine: this.#plan.machine, boot: this.#plan.boot, lines: [...lines] };
  }

  #report(failure: Failure, lines: readonly Line[]): void {
    const identity = identityOf(failure);
    if (this.#muted.has(identity)) return;
    this.#muted.add(identity);
    this.#found.push({ identity, failure, program: this.#program(lines), seed: this.#seed });
  }

  /** Notes the failure and goes back to before its line; false where that is not worth while. */
  #takeBack(failure: Failure): boolean {
    const lines = this.#running.lines.slice(0, failure.line + 1);
    this.#report(failure, lines);
    if (++this.#takenBack > TAKE_BACKS || failure.verdict === 'harness_error') return false;

    const again = new Running(this.#plan.machine, this.#plan.boot, this.#plan.make);
    this.#scene.forgetNames();
    for (const line of lines.slice(0, -1)) {
      if (again.perform(line) !== undefined) return false;
      this.#scene.noteHandles(line, again.lines.length - 1, again.reply);
    }
    this.#running = again;
    this.#scene.state = again.state;
    this.#soundLines = Math.min(this.#soundLines, again.lines.length);
    return true;
  }
}
