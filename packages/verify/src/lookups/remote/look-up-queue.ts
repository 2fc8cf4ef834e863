/** Questions that wait to be sent: those about tokens that were known before go ahead of those that anybody can make up. */

export interface LookUpQueue<Question> {
  add(question: Question): void;
  /** The next ones, so many at most. */
  take(most: number): readonly Question[];
  takeAll(): readonly Question[];
  isEmpty(): boolean;
}

/** Of each call, where others wait as well: they are answered later, but they are answered. */
const SHARE_OF_FAMILIAR = 0.75;

export function lookUpQueue<Question extends { readonly isFamiliar: boolean }>(): LookUpQueue<Question> {
  const familiar: Question[] = [];
  const others: Question[] = [];
  return {
    add(question) {
      (question.isFamiliar ? familiar : others).push(question);
    },
    take(most) {
      const left = Math.max(most - others.length, Math.ceil(most * SHARE_OF_FAMILIAR));
      const first = familiar.splice(0, left);
      return [...first, ...others.splice(0, most - first.length)];
    },
    takeAll: () => [...familiar.splice(0), ...others.splice(0)],
    isEmpty: () => familiar.length + others.length === 0,
  };
}
