import { Command, Option } from 'commander';
import { sweepKinds } from '../properties/sweep/sweep.js';
import {
  collected,
  faultOption,
  jsonOption,
  pagingNamed,
  STEPS_LIMIT,
  wholeNumber,
} from './options.js';
import { sweep, sweepHelp } from './sweep.js';

interface SweepWords {
  readonly paging?: string;
  readonly mode?: string;
  readonly kind: readonly string[];
  readonly step: number;
  readonly out: string;
  readonly fault: readonly string[];
  readonly json: boolean;
}

/** What can be said to `sweep`. */
export const sweepCommand = (): Command =>
  new Command('sweep')
    .description('make every access through page tables with every flag, on spec and hypervisor')
    .option('--paging <how>', 'how guests’ page tables are served: shadow, hap (default: both)')
    .option('--mode <tables>', 'only tables whose name (pae-4k) begins so (default: all)')
    .addOption(
      new Option('--kind <kind>', `one of ${sweepKinds.join(', ')} (may be given again)`)
        .argParser(collected)
        .default([], 'all'),
    )
    .option('--step <n>', 'carry out one case of so many', wholeNumber(STEPS_LIMIT), 1)
    .option('--out <directory>', 'where failing traces are saved', 'found')
    .addOption(faultOption())
    .addOption(jsonOption())
    .addHelpText('after', sweepHelp)
    .action(async (words: SweepWords) => {
      const { mode } = words;
      const paging = words.paging === undefined ? undefined : pagingNamed(words.paging);
      process.exitCode = await sweep({ ...words, mode, paging });
    });
