import { TraceError } from '../counterexamples/trace.js';
import { FaultError } from '../faults/fault.js';
import { RecordingError } from '../properties/recordings/recording-error.js';

/** What the exit code of every command means. */
export const exitCodes = {
  /** All that was asked agrees. */
  agree: 0,
  /** The system under test is wrong. */
  wrong: 1,
  /** The command line or a file handed to it is wrong. */
  usage: 2,
  /** Not the system, but this harness is wrong. */
  harness: 3,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitHelp = `
Exit codes:
  0  everything agrees
  1  the system under test is wrong
  2  the command line, or a file it names, is wrong
  3  the harness itself is wrong`;

/** The command line cannot be carried out as it was given; the message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What to say and how to exit when a command throws. */
export function explained(thrown: unknown): { readonly text: string; readonly code: ExitCode } {
  if (
    thrown instanceof UsageError ||
    thrown instanceof TraceError ||
    thrown instanceof RecordingError ||
    thrown instanceof FaultError
  )
    return { text: `error: ${thrown.message}`, code: exitCodes.usage };
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return {
    text: `harness error: ${text}\nThis is a mistake in xenolith, not in the system under test.`,
    code: exitCodes.harness,
  };
}
