import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      '{abi,values,model,impl,counterexamples,faults,divergences,properties,cli,bench}/**/*.test.ts',
    ],
    sequence: { shuffle: true },
    pool: 'forks',
    /** The default leaves one processor idle, and the tests take twice as long where there are two. */
    maxWorkers: '100%',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    /** A test that prints fails: what it has to say belongs in an assertion. */
    onConsoleLog(log): never {
      throw new Error(`a test printed: ${log}`);
    },
  },
});
