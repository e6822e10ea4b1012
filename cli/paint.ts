import colours from 'picocolors';

/** Verdicts in their colours, where the terminal shows any. */

const verdicts: readonly (readonly [RegExp, (text: string) => string])[] = [
  [/^agree\b/gm, colours.green],
  [/^(?:diverge|violate|disagree|differs)\b/gm, colours.red],
  [/^(?:crash|hang)\b/gm, colours.magenta],
  [/^(?:skip|harness_error)\b/gm, colours.yellow],
];

/** The text with the verdict at the head of each line painted. */
export const painted = (text: string): string =>
  verdicts.reduce((done, [words, paint]) => done.replace(words, (word) => paint(word)), text);
