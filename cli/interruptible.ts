import process from 'node:process';

/** Runs something that a first Ctrl-C ends in good order; a second one ends the process. */
export async function interruptible<Answer>(
  run: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const stop = new AbortController();
  const onInterrupt = (): void => {
    stop.abort();
  };
  process.once('SIGINT', onInterrupt);
  try {
    return await run(stop.signal);
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}
