#!/usr/bin/env node
import process from 'node:process';
import { Command, CommanderError, Option } from 'commander';
import { presets } from '../abi/machine.js';
import { emphases } from '../properties/generate/emphasis.js';
import { subjects } from '../properties/walks/replay.js';
import { guestModes } from '../properties/generate/guest-mode.js';
import { check, USUAL_FAILURES, USUAL_PAGED_STEPS, USUAL_STEPS } from './check.js';
import { exitCodes, exitHelp, explained, UsageError } from './exit.js';
import { collected, emphasisNamed, faultOption, guestsNamed, jsonOption } from './options.js';
import { machinesFor, pagingNamed, STEPS_LIMIT, wholeNumber } from './options.js';
import { exportPrograms } from './export-programs.js';
import { exploreCommand } from './explore-command.js';
import { faultsCommand } from './faults-command.js';
import { recordings, recordingsHelp } from './recordings.js';
import { replay } from './replay.js';
import { shrinkFile } from './shrink.js';
import { sweepCommand } from './sweep-command.js';
import { walks } from './walks.js';

/** The command line. Each command is a file of its own; here is what can be said to them. */

const SECONDS_LIMIT = 1e6;

const program = new Command('xenolith')
  .description(
    'Checks an optimised hypervisor against a reference spec of Xen 4.17: p2m, grant tables, sharing of memory.',
  )
  .version('0.1.0')
  .addHelpText('after', exitHelp)
  .showHelpAfterError('(xenolith --help tells more)')
  .exitOverride();

interface CheckWords {
  readonly seed?: string;
  readonly steps?: number;
  readonly recover?: number;
  readonly time?: number;
  readonly machine: string | undefined;
  readonly paging?: string;
  readonly guests: string | undefined;
  readonly emphasis: string;
  readonly out: string;
  readonly fault: readonly string[];
  readonly failures: number;
  readonly json: boolean;
}

program
  .command('check')
  .description(
    'run random programs on spec and hypervisor in lock-step; shrink and save what fails',
  )
  .option('--seed <text>', 'repeat the run of this seed (default: a new one, which is printed)')
  .option(
    '--steps <n>',
    `end after so many steps on each machine (default: ${USUAL_STEPS}; ${USUAL_PAGED_STEPS} with paging)`,
    wholeNumber(STEPS_LIMIT),
  )
  .addOption(
    new Option('--recover <n>', 'walk to so many states, and give everything back from each')
      .argParser(wholeNumber(STEPS_LIMIT))
      .conflicts(['steps', 'time']),
  )
  .option('--time <seconds>', 'end after so much time', wholeNumber(SECONDS_LIMIT))
  .option(
    '--machine <preset>',
    `the machine: ${Object.keys(presets).join(', ')} (default: small, then paged and whole, both ways)`,
  )
  .option(
    '--paging <how>',
    'how guests’ page tables are served: shadow, hap (default: as the machine has it; without a machine: paged)',
  )
  .option(
    '--guests <mode>',
    `how guests use paging: ${guestModes.join(', ')} (default: mixed if they have several vcpus)`,
  )
  .option('--emphasis <name>', `what to stress: ${Object.keys(emphases).join(', ')}`, 'all')
  .option('--out <directory>', 'where failing traces are saved', 'found')
  .option(
    '--failures <n>',
    'end when so many different failures are known, and tell so many',
    wholeNumber(1000),
    USUAL_FAILURES,
  )
  .addOption(faultOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
Each step is done by the spec and by the hypervisor. Replies must agree, nothing outside the step's
footprint may change, and the hypervisor's counters must equal what they count. A failure is shrunk
to a trace that cannot lose a line, and told with the spec's answers beside it. The same seed gives
the same report. Ctrl-C ends the run in good order; what was found is saved. A run too short to reach
its goals says skip, and exits 0 as well: nothing that was tried is wrong.

With --recover each program has 1 to 2000 lines; then every mapping is undone, every grant ended and
every domain destroyed, and nothing may be left. The run ends early at --failures.

Examples:
  xenolith check --time 600 --emphasis grants
  xenolith check --machine paged --paging hap --guests 4-level
  xenolith check --machine whole --recover 10000
  xenolith check --fault owner-check-dropped    (see what a finding looks like)
${exitHelp}`,
  )
  .action(async (words: CheckWords) => {
    process.exitCode = await check({
      ...words,
      seed: words.seed,
      steps: words.steps,
      recover: words.recover,
      seconds: words.time,
      machines: machinesFor(words.machine, words.paging),
      guests: words.guests === undefined ? undefined : guestsNamed(words.guests),
      emphasis: emphasisNamed(words.emphasis),
    });
  });

program
  .command('replay')
  .description('replay traces; a directory stands for its .trace files')
  .argument('[paths...]', 'files or directories', [
    'counterexamples',
    'model/examples',
    'model/examples/litmus',
  ])
  .addOption(faultOption())
  .addOption(jsonOption())
  .addHelpText('after', exitHelp)
  .action(
    async (
      paths: readonly string[],
      words: { readonly fault: readonly string[]; readonly json: boolean },
    ) => {
      process.exitCode = await replay(paths, words);
    },
  );

program
  .command('shrink')
  .description('make a failing trace as small as it goes while it fails in the same way')
  .argument('<file>', 'a trace')
  .option('--out <file>', 'write to this new file (default: print)')
  .addOption(faultOption())
  .addOption(jsonOption())
  .addHelpText('after', exitHelp)
  .action(
    async (
      file: string,
      words: { readonly out?: string; readonly fault: readonly string[]; readonly json: boolean },
    ) => {
      process.exitCode = await shrinkFile(file, { ...words, out: words.out });
    },
  );

interface RecordingsWords {
  readonly only?: string;
  readonly paging: string;
  readonly keep: number;
  readonly export?: number;
  readonly seed: string;
  readonly emphasis: string;
  readonly out: string;
  readonly json: boolean;
}

/** Options that mean nothing without another one are refused, not ignored. */
function refuseGiven(command: Command, options: readonly string[], without: string): void {
  const [given] = options.filter((name) => command.getOptionValueSource(name) === 'cli');
  if (given !== undefined) throw new UsageError(`--${given} goes with ${without}`);
}

program
  .command('recordings')
  .description('replay recordings of a real hypervisor on the spec and on ours')
  .argument('[path]', 'a .json or .json.gz file, or a directory of them', 'properties/conformance')
  .option('--only <text>', 'only traces whose name contains this')
  .option('--paging <how>', 'how the recorded host served guests’ page tables: shadow, hap', 'hap')
  .option('--keep <n>', 'disagreements shown of each file', wholeNumber(1000), 5)
  .addOption(
    new Option('--export <n>', 'write so many random programs to be recorded')
      .argParser(wholeNumber(100_000))
      .conflicts(['only', 'paging', 'keep', 'json']),
  )
  .option('--seed <text>', 'which programs are written', '1')
  .option('--emphasis <name>', `what they stress: ${Object.keys(emphases).join(', ')}`, 'all')
  .option('--out <file>', 'where programs are written', 'programs.json')
  .addOption(jsonOption())
  .addHelpText('after', recordingsHelp)
  .action(async (directory: string, words: RecordingsWords, command: Command) => {
    const { only, export: programs, seed, out } = words;
    if (programs === undefined) {
      refuseGiven(command, ['seed', 'emphasis', 'out'], '--export');
      const paging = pagingNamed(words.paging);
      process.exitCode = recordings(directory, { ...words, only, paging });
      return;
    }
    if (command.args.length > 0)
      throw new UsageError(`--export makes programs and reads no recording ('${directory}')`);
    const emphasis = emphasisNamed(words.emphasis);
    process.exitCode = await exportPrograms({ programs, seed, out, emphasis });
  });

program
  .command('walks')
  .description('replay recorded page-table walks of x86 processors, on the spec and on ours')
  .argument('[directory]', 'a directory of .json or .json.gz files', 'properties/walks/recorded')
  .addOption(
    new Option('--on <target>', `one of ${subjects.join(', ')} (may be given again)`)
      .argParser(collected)
      .default([], 'all'),
  )
  .option('--only <text>', 'only cases whose file and name (tlb-pae/L1 leaf...) contain this')
  .option('--keep <n>', 'disagreements shown of each file and target', wholeNumber(1000), 5)
  .addOption(jsonOption())
  .addHelpText(
    'after',
    `
A case is memory with page tables, control registers, and accesses by linear address with the answers
of two recorded processors. Each answer has to be equal: value, error code, faulting address. So has
each table entry in the end, with its accessed and dirty bits. Targets:
  spec      has to allow the recorded answer, and no other unless the answer is loose
  hardware  the simulated processor on bare memory
  shadow    a guest of the hypervisor under shadow paging
  hap       a guest of the hypervisor under nested paging
An answer is loose where it hangs on what a processor remembers of tables since edited: then it has to
be one that the spec allows. It is disputed where the recorded processors differ: then the one that
the recording calls right counts, or either. Not offered are features that a guest under shadow paging
lacks (1 GiB pages, PSE36, protection keys): there the spec without the feature is the measure.

Examples:
  xenolith walks --on shadow --only tlb-pae/
  xenolith walks --on spec --json
${exitHelp}`,
  )
  .action(
    (
      directory: string,
      words: {
        readonly on: readonly string[];
        readonly only?: string;
        readonly keep: number;
        readonly json: boolean;
      },
    ) => {
      process.exitCode = walks(directory, { ...words, only: words.only });
    },
  );

program.addCommand(sweepCommand().copyInheritedSettings(program));
program.addCommand(exploreCommand().copyInheritedSettings(program));
program.addCommand(faultsCommand().copyInheritedSettings(program));

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError)
    process.exitCode = thrown.exitCode === 0 ? exitCodes.agree : exitCodes.usage;
  else {
    const { text, code } = explained(thrown);
    console.error(text);
    process.exitCode = code;
  }
}
