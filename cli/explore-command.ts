import process from 'node:process';
import { Command } from 'commander';
import { explore, exploreHelp } from './explore.js';
import { faultOption, jsonOption, STEPS_LIMIT, wholeNumber } from './options.js';

interface ExploreWords {
  readonly depth?: number;
  readonly states?: number;
  readonly symmetry: boolean;
  readonly impl: boolean;
  readonly fault: readonly string[];
  readonly save?: string;
  readonly saveEvery: number;
  readonly resume?: string;
  readonly out: string;
  readonly json: boolean;
}

/** What can be said to `explore`. */
export const exploreCommand = (): Command =>
  new Command('explore')
    .description('make every program of a small machine, on the spec or on spec and hypervisor')
    .argument('[bound]', 'what is explored', 'loan')
    .option('--depth <n>', 'programs of so many acts at most', wholeNumber(STEPS_LIMIT))
    .option('--states <n>', 'end when so many states are known', wholeNumber(STEPS_LIMIT))
    .option('--no-symmetry', 'tell states apart that differ only in names')
    .option('--impl', 'carry out every act in every state on the hypervisor, too', false)
    .addOption(faultOption())
    .option('--save <file>', 'keep the search in a file, now and then and on Ctrl-C')
    .option('--save-every <n>', 'after so many states', wholeNumber(STEPS_LIMIT), 500_000)
    .option('--resume <file>', 'go on with a search that was kept')
    .option('--out <directory>', 'where a failing trace is saved', 'found')
    .addOption(jsonOption())
    .addHelpText('after', exploreHelp)
    .action(async (bound: string, words: ExploreWords) => {
      const { depth, states, save, resume } = words;
      process.exitCode = await explore(bound, { ...words, depth, states, save, resume });
    });
