/** The `bounds:` part of a route: how much of a request it takes, and for how long. */
import { duration } from './duration.ts';
import { wholeNumber } from './plain-values.ts';
import { strictObject } from './strict-object.ts';

/** A tebibyte. */
export const MOST_BODY_BYTES = 1_099_511_627_776;
/** 7 days. */
export const LONGEST_REQUEST_SECONDS = 604_800;

export const routeBounds = strictObject({
  maxBodyBytes: wholeNumber(0, MOST_BODY_BYTES)
    .optional()
    .describe('Longest body of a request; a longer one is answered 413. Without it the setting `maxBodyBytes`.'),
  requestTimeout: duration(1, LONGEST_REQUEST_SECONDS)
    .optional()
    .describe(
      'How long the body of a request may take to arrive, before 408. Without it the setting `requestTimeoutSeconds`.',
    ),
});
