/** A 64-bit value as guests load and store it: two unsigned 32-bit halves, low half first. */
export interface Word {
  readonly low: number;
  readonly high: number;
}

export const PAGE_BYTES = 4096;
export const PAGE_SHIFT = 12;
