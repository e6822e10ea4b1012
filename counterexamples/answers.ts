/*
 * What the right column of a line says of its answer:
 *
 *   0x00000001               so the spec answers; others may be allowed besides
 *   0x00000001 | 0x00000000  so, or as what follows; nothing else is allowed
 *   only 0x00000001          so, and nothing else is allowed
 */
const OR = ' | ';
const ONLY = 'only ';

/**
 * The right column of a line, in the manner of another one. `allowed` are the printed answers that
 * the spec allows, at least one, its own first.
 */
export function answerColumn(allowed: readonly string[], like: string | undefined): string {
  const [own = '', ...others] = allowed;
  if (like === undefined || !saysAll(like)) return own;
  const besides = [...new Set(others)].filter((each) => each !== own).toSorted();
  return besides.length === 0 ? ONLY + own : [own, ...besides].join(OR);
}

/** Whether two right columns say the same: the spec's own answer comes first, the others anyhow. */
export const saysTheSame = (a: string, b: string): boolean => inOrder(a) === inOrder(b);

const saysAll = (column: string): boolean => column.startsWith(ONLY) || column.includes(OR);

function inOrder(column: string): string {
  const listed = column.startsWith(ONLY) ? column.slice(ONLY.length) : column;
  return answerColumn(listed.split(OR), column);
}
