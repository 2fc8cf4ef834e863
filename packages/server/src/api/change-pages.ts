/** Pages of the change feed as text, read and written out once for all streams that wait for the same one. */
import type { Change } from '../core/model.ts';
import { type Place, placeOf } from '../core/places.ts';
import type { Store } from '../core/store-port.ts';
import { changeView } from './views.ts';

export interface PageAsked {
  readonly workspace: string;
  readonly since: Place;
  /** What woke the reader: a page that was asked for before that might lack it. */
  readonly told: number | 'missed' | 'start';
  /** Up to which change the reader will vouch for all: a page that was asked for before this node knew of them might lack one. */
  readonly known: number;
}

export interface ChangePage {
  /** Server-Sent Events; empty: there is nothing new. */
  readonly text: string;
  /** That of the last change in it, or where it begins. */
  readonly end: Place;
  /** Whether there is no more after it. */
  readonly isLast: boolean;
}

export type ChangePages = (asked: PageAsked) => Promise<ChangePage>;

const PAGE = 500;

/** Holds what is being read and nothing else. */
export function changePages(store: Pick<Store, 'changes'>): ChangePages {
  const underWay = new Map<string, Promise<ChangePage>>();

  const read = async ({ workspace, since }: PageAsked): Promise<ChangePage> => {
    const changes = await store.changes({ workspace, since: since.seq, limit: PAGE });
    return {
      text: changes.map(eventOf).join(''),
      end: changes.length === 0 ? since : placeOf(changes.at(-1)),
      isLast: changes.length < PAGE,
    };
  };

  return (asked) => {
    const key = keyOf(asked);
    const same = underWay.get(key);
    if (same !== undefined) return same;
    const page = read(asked).finally(() => underWay.delete(key));
    underWay.set(key, page);
    return page;
  };
}

/** The same for pages that hold the same, whoever asks: all up to a change that was known before the first of them asked. */
function keyOf({ workspace, since, told, known }: PageAsked): string {
  const upTo = typeof told === 'number' ? Math.max(told, known) : known;
  // What was read before something was missed may be of another history.
  return `${workspace} ${since.seq} ${since.mark} ${upTo}${told === 'missed' ? ' anew' : ''}`;
}

function eventOf(change: Change): string {
  return `id: ${change.seq}\nevent: ${change.kind}\ndata: ${JSON.stringify(changeView(change))}\n\n`;
}
