/** The answer to a request that came in clear from outside. No redirect: the client would send its credential in clear first, every time. */
import { type Presented, presence } from '@tessera/verify';
import { type Problem, problem } from './problem.ts';

/** Whether anything in it looks like a credential, of ours or not. */
export function carriesCredential(presented: Presented): boolean {
  const { authorization, query } = presented;
  return authorization.length > 0 || query.includes('access_token') || presence(presented).outcome !== 'missing';
}

export function problemOfExposure(presented: Presented): Problem {
  const detail = carriesCredential(presented)
    ? 'The credential was sent in clear and may have been read on the way. Replace it, and use https.'
    : 'Use https.';
  return problem('insecure_transport', { detail, headers: { Connection: 'close' } });
}
