/** The token that is exchanged, judged by the decision of every door: it counts as a use, and its own rules hold. */
import {
  circumstances,
  credentialOf,
  type Deny,
  decide,
  denials,
  type Ports,
  requirement,
  type TokenFacts,
} from '@tessera/verify';
import { claimedThumbprint } from '@tessera/verify/jose';
import { isGuess } from '../core/door-ports.ts';
import type { Incoming } from '../http/edge.ts';
import { refusalOf, urlOf } from './authenticate.ts';
import { refuseGuesser } from './guesses.ts';
import { OAuthError } from './oauth-error.ts';
import type { OAuthServices } from './services.ts';

export interface Subject {
  readonly facts: TokenFacts;
  /** Thumbprint of a key that the caller proved to hold, where the token is not bound to one. */
  readonly boundKey: string | undefined;
}

const ANY = requirement({});

/** Throws an `OAuthError` where the token is refused; RFC 8693 section 2.2.2 has one code for whatever is wrong with it. */
export async function subjectOf(text: string, incoming: Incoming, services: OAuthServices): Promise<Subject> {
  const { failed, recorder } = services;
  const { address, method, dpop } = incoming;
  const credential = credentialOf(text);
  const source = address ?? 'unknown';
  refuseGuesser(source, credential, failed);
  const asked = {
    requirement: ANY,
    circumstances: circumstances({ address, method, url: urlOf(incoming), proof: dpop }),
  };
  const start = performance.now();
  const verdict = await decide(credential, asked, ofTokenRequest(services.ports));
  recorder.verdict(verdict, {
    door: 'oauth',
    route: undefined,
    status: verdict.valid ? 200 : denials[verdict.code].status,
    seconds: (performance.now() - start) / 1000,
  });
  if (!verdict.valid) {
    if (isGuess(verdict.code)) failed.failed(source);
    throw errorOf(verdict);
  }
  // What the decision was given by our own look-up comes back as it was.
  const facts = verdict.principal as TokenFacts;
  const boundKey = facts.boundKey === undefined ? await provedKey(facts, incoming, services) : undefined;
  return { facts, boundKey };
}

/** RFC 9449 section 5: a proof with the request binds what is issued, whatever the token before was bound to. */
async function provedKey(
  facts: TokenFacts,
  incoming: Incoming,
  { ports, clock }: OAuthServices,
): Promise<string | undefined> {
  const { dpop: proof, method } = incoming;
  if (proof === undefined) return undefined;
  const claimed = claimedThumbprint(proof);
  const { proofs } = ofTokenRequest(ports);
  const presented = { proof, digest: facts.secret.key, method, url: urlOf(incoming) };
  const outcome = claimed === undefined ? 'proof_invalid' : await proofs?.check(presented, claimed, clock.now());
  if (outcome !== 'ok') throw badProof();
  return claimed;
}

function ofTokenRequest(ports: Ports): Ports {
  const { proofs } = ports;
  if (proofs === undefined) return ports;
  return {
    ...ports,
    proofs: { check: (presented, key, now) => proofs.check({ ...presented, forToken: true }, key, now) },
  };
}

function errorOf(denial: Deny): OAuthError {
  const { code } = denial;
  const { status, public: description } = denials[code];
  if (code === 'proof_required' || code === 'proof_invalid' || code === 'replayed') return badProof();
  if (status === 401 || status === 403) return new OAuthError('invalid_request', `subject_token: ${description}`);
  return refusalOf(denial);
}

function badProof(): OAuthError {
  return new OAuthError('invalid_dpop_proof', 'the request needs a fresh proof of possession of its key');
}
