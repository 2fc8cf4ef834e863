/** A verifier that remembers what it was asked, and refuses everything: what middleware read, and nothing else, is seen. */
import { type Circumstances, deny, type Presented, requirement, type Verifier } from '../../../src/index.ts';

export interface Observed extends Verifier {
  /** Of the last request. */
  last(): { readonly presented: Presented; readonly circumstances: Circumstances };
}

export function observed(): Observed {
  let asked: ReturnType<Observed['last']> | undefined;
  return {
    requirement: requirement({}),
    verify(presented, { circumstances }) {
      asked = { presented, circumstances };
      return deny('unknown');
    },
    follow: () => ({ lasts() {}, end() {} }),
    close: async () => {},
    last() {
      if (asked === undefined) throw new Error('it was not asked');
      return asked;
    },
  };
}
