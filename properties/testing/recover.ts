import { seeded } from '../choose.js';
import { farewellLines, leftover } from '../farewell.js';
import { chooseEmphasis } from '../generate/emphasis.js';
import { Scene } from '../generate/scene.js';
import type { Running } from '../running.js';
import type { Failure } from '../verdict.js';

/** [E7] Says farewell wherever a run has come to: nothing may be left. */
export function recover(running: Running): Failure | undefined {
  const { machine } = running;
  const choose = seeded('farewell');
  const emphasis = chooseEmphasis(choose, 'all', undefined, machine.surface);
  const scene = new Scene(choose, machine, emphasis, running.state);
  for (const line of farewellLines(scene)) {
    const failure = running.perform(line);
    if (failure !== undefined) return failure;
    scene.state = running.state;
  }
  return running.checkAll() ?? leftover(running.state, running.lines.length - 1);
}
