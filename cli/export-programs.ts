import type { EmphasisName } from '../properties/generate/emphasis.js';
import { exportedProgram } from '../properties/recordings/export/exported.js';
import { exitCodes, type ExitCode } from './exit.js';
import { writeNew } from './files.js';
import { ProgressLine } from './progress.js';

/** What `recordings --export` was asked for. */
export interface ExportOptions {
  readonly programs: number;
  readonly seed: string;
  readonly emphasis: EmphasisName;
  /** A file that is not there yet. */
  readonly out: string;
}

/** Writes random programs as traces for the instrument that records a real hypervisor. */
export function exportPrograms({ programs, seed, emphasis, out }: ExportOptions): ExitCode {
  const line = new ProgressLine(false);
  const traces = Array.from({ length: programs }, (_, index) => {
    line.tell(() => `${index} of ${programs} programs`);
    return exportedProgram(`exported-${emphasis}/${seed}-${index}`, `${seed}/${index}`, emphasis);
  });
  line.clear();
  writeNew(out, `[\n${traces.map((trace) => JSON.stringify(trace)).join(',\n')}\n]\n`);
  console.log(`${programs} programs are in ${out}`);
  return exitCodes.agree;
}
