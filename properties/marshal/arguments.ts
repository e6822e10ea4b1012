import type { MarshalledLine } from '../../abi/program.js';

/** The arguments of a call as bytes, and the registers that go with them. */
export interface Arguments {
  readonly bytes: readonly number[];
  readonly count: number;
  readonly number: number;
  readonly command: number;
}

/** In which layout, and at which linear address they are to be. */
export type Where = Pick<MarshalledLine, 'layout' | 'linear'>;
