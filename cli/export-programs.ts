import { setImmediate } from 'node:timers/promises';
import type { EmphasisName } from '../properties/generate/emphasis.js';
import { exportedProgram } from '../properties/recordings/export/exported.js';
import { exitCodes, type ExitCode } from './exit.js';
import { refuseExisting, writeNew } from './files.js';
import { interruptible } from './interruptible.js';
import { ProgressLine } from './progress.js';

/** What `recordings --export` was asked for. */
export interface ExportOptions {
  readonly programs: number;
  readonly seed: string;
  readonly emphasis: EmphasisName;
  /** A file that is not there yet. */
  readonly out: string;
}

/**
 * Writes random programs as traces for the instrument that records a real hypervisor. Ctrl-C writes
 * those that are made.
 */
export async function exportPrograms({
  programs,
  seed,
  emphasis,
  out,
}: ExportOptions): Promise<ExitCode> {
  refuseExisting(out);
  const line = new ProgressLine(false);
  const traces: object[] = [];
  await interruptible(async (signal) => {
    while (traces.length < programs && !signal.aborted) {
      const index = traces.length;
      line.tell(() => `${index} of ${programs} programs`);
      const name = `exported-${emphasis}/${seed}-${index}`;
      traces.push(exportedProgram(name, `${seed}/${index}`, emphasis));
      await setImmediate();
    }
  });
  line.clear();
  writeNew(out, `[\n${traces.map((trace) => JSON.stringify(trace)).join(',\n')}\n]\n`);
  console.log(`${traces.length} programs are in ${out}`);
  return exitCodes.agree;
}
