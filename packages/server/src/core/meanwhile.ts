/** What changed while something was read: facts that a change made other ones on their way must not be kept, and all others may be. */
import type { Told } from './change-order.ts';
import type { Change } from './model.ts';

export interface Meanwhile {
  hear(told: Told): void;
  /** A read begins. What it gives is called once, at its end: whether something that came since concerns what was read. */
  begin(): (concerns: (change: Change) => boolean) => boolean;
}

/** Changes that are remembered for one slow read; with more, it counts as concerned. */
const MOST = 1000;

export function meanwhile(most = MOST): Meanwhile {
  let recent: Told[] = [];
  /** Of what was heard while something was read: how many are no longer remembered. */
  let forgotten = 0;
  let reading = 0;

  const forget = (): void => {
    forgotten += recent.length;
    recent = [];
  };

  return {
    hear(told) {
      if (reading === 0) return;
      if (recent.length === most) forget();
      recent.push(told);
    },
    begin() {
      reading += 1;
      const from = forgotten + recent.length;
      return (concerns) => {
        const first = from - forgotten;
        let found = first < 0;
        for (let index = first; !found && index < recent.length; index += 1) {
          const told = recent[index];
          found = told === undefined || told === 'missed' || concerns(told);
        }
        reading -= 1;
        if (reading === 0) forget();
        return found;
      };
    },
  };
}
