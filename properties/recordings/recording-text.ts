/** The text of a recording with one trace, for tests. */
export function recordingText(
  steps: readonly object[],
  domains: object = { 1: {}, 2: {} },
  rest: object = {},
): string {
  const teardown = Object.fromEntries(Object.keys(domains).map((id) => [id, 0]));
  const after = { leftover: [], free_delta: 0 };
  const trace = { name: 't', domains, steps, setup: 'ok', teardown, after, ...rest };
  return JSON.stringify({ meta: { xen: 'Xen of the test' }, traces: [trace] });
}
