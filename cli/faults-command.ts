import { Command } from 'commander';
import { faults, faultsHelp, USUAL_LINES, USUAL_SEEDS } from './faults.js';
import { jsonOption, wholeNumber } from './options.js';

interface FaultsWords {
  readonly seeds: number;
  readonly steps: number;
  readonly shrink: boolean;
  readonly jobs?: number;
  readonly json: boolean;
}

/** What can be said to `faults`. */
export const faultsCommand = (): Command =>
  new Command('faults')
    .description('put each known fault into the hypervisor and see how soon it is found')
    .argument('[ids...]', 'faults (default: all of them)')
    .option('--seeds <n>', 'campaigns against each fault', wholeNumber(1000), USUAL_SEEDS)
    .option('--steps <n>', 'lines after which a campaign gives up', wholeNumber(1e9), USUAL_LINES)
    .option('--no-shrink', 'leave what is found as long as it is')
    .option('--jobs <n>', 'processes (default: one for each processor)', wholeNumber(256))
    .addOption(jsonOption())
    .addHelpText('after', faultsHelp)
    .action(async (ids: readonly string[], words: FaultsWords) => {
      process.exitCode = await faults(ids, { ...words, jobs: words.jobs });
    });
