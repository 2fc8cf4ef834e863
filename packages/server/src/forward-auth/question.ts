/** What a proxy asks: which request it is about, what it requires of it, and how it wants to hear a denial. */
import type { IncomingMessage } from 'node:http';
import type { Requirement } from '@tessera/verify';
import type { Incoming } from '../http/edge.ts';
import type { DenialForm } from './answers.ts';
import { type Asked, askedBy, NOTHING_ASKED } from './asked.ts';
import { isBelow, type Original, originalBelow, originalOf } from './original.ts';

export interface Question extends Asked {
  readonly original: Original | undefined;
}

export interface OddQuestion {
  /** Why it is refused, in words for whoever configures the proxy. */
  readonly odd: string;
  readonly denials: DenialForm;
}

const ODD_QUERY = 'The query may hold api, once, scope and denials=403; none of them may be empty.';
const ODD_ORIGINAL = 'X-Forwarded-Method, -Host and -Uri must be sent once each, and well formed.';
const PASSED_ON = 'The query of the original request came as that of the question.';

/** `otherwise`: what is asked where nobody says. */
export function questionOf(
  request: IncomingMessage,
  incoming: Incoming,
  otherwise: Requirement,
): Question | OddQuestion {
  if (isBelow(incoming)) {
    const original = originalBelow(request, incoming);
    return original === 'invalid' ? odd(ODD_ORIGINAL, NOTHING_ASKED) : { ...NOTHING_ASKED, original };
  }
  const asked = askedBy(incoming.query, otherwise);
  if (asked === 'invalid') return odd(ODD_QUERY, NOTHING_ASKED);
  const original = originalOf(request);
  if (original === 'invalid') return odd(ODD_ORIGINAL, asked);
  const lends = asked.requirement !== undefined && isPassedOn(incoming.query, original);
  return lends ? odd(PASSED_ON, asked) : { ...asked, original };
}

/**
 * A proxy that passes the query of its client on lets the client say what is asked: `?scope=`, and the route is asked no
 * more. Such a proxy hears no yes to a request with a query until it is put right.
 */
function isPassedOn(asking: string, original: Original | undefined): boolean {
  if (original === undefined || original.query === '') return false;
  return asking === original.query || asking.endsWith(`&${original.query}`);
}

function odd(words: string, { denials }: Asked): OddQuestion {
  return { odd: words, denials };
}
