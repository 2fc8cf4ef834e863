/**
 * Judging tokens of other issuers: the issuers that the workspace trusts decide, oldest first, each by its own terms. What was found
 * is kept for a minute at most, so that a key which the issuer withdrew stops counting, and no longer than the change feed permits.
 */
import {
  concerns,
  type DenialCode,
  type Requirement,
  type SignedAsked,
  type SignedLookup,
  type TokenFacts,
} from '@tessera/verify';
import { isSignedBy, type KeySource, type StrictCompact, strictCompact } from '@tessera/verify/jose';
import { LRUCache } from 'lru-cache';
import type { Feed } from '../feed.ts';
import { meanwhile } from '../meanwhile.ts';
import { type ForeignClaims, foreignClaims, type UnreadClaims } from './claims.ts';
import { type ForeignReader, foreignFacts } from './foreign-facts.ts';
import type { ForeignAlgorithm, Issuer } from './issuer.ts';
import type { Trust, TrustedIssuers } from './trusted-issuers.ts';

/** Where the keys of an issuer come from. */
export interface IssuerKeys {
  of(issuer: Issuer): KeySource;
}

/** Asks an issuer about a token (RFC 7662). */
export interface Introspection {
  /** What it says of the token; undefined: it is not active. Rejects where that cannot be told. */
  ask(issuer: Issuer, text: string): Promise<UnreadClaims | undefined>;
}

export interface ForeignTokensOptions {
  readonly trusted: TrustedIssuers;
  readonly reader: ForeignReader;
  readonly keys: IssuerKeys;
  readonly introspection: Introspection;
  readonly feed: Pick<Feed, 'fresh' | 'subscribe'>;
  /** Most tokens kept in memory. */
  readonly maxTokens: number;
  /** How long what an issuer said of a token that it was asked about is believed. */
  readonly introspectedMs: number;
  /** Hears why a trust did not take a token. Must not throw. */
  readonly onRefused: (issuer: Issuer, code: DenialCode) => void;
}

export interface ForeignTokens {
  /** Of texts that are signed. */
  readonly signed: SignedLookup;
  /** Of all others. */
  readonly opaque: SignedLookup;
}

/** Longest text that is taken apart. */
const MAX_LENGTH = 8192;
/** Afterwards the signature is verified again, with the keys that the issuer has by then. */
const SIGNED_KEPT_MS = 60_000;

interface Kept {
  readonly facts: TokenFacts;
  readonly since: number;
  readonly until: number;
}

type Found = TokenFacts | DenialCode;

export function foreignTokens(options: ForeignTokensOptions): ForeignTokens {
  const { trusted, reader, feed, introspection } = options;
  const kept = new LRUCache<string, Kept>({ max: options.maxTokens });
  const changing = meanwhile();
  feed.subscribe((change) => {
    changing.hear(change);
    if (change === 'missed') kept.clear();
    // Keys, and tokens of our own, stand behind none of these.
    else if (!/^(?:token|key)\./.test(change.kind))
      for (const [name, { facts }] of [...kept.entries()]) if (concerns(change, facts)) kept.delete(name);
  });

  /** The first of them that takes the token; else why the first of them does not. */
  const firstOf = async (
    trusts: readonly Trust[],
    judge: (trust: Trust) => Promise<Found>,
  ): Promise<{ readonly found: Found; readonly by: Trust | undefined }> => {
    let refusal: DenialCode | undefined;
    for (const trust of trusts) {
      const found = await judge(trust);
      if (typeof found !== 'string') return { found, by: trust };
      options.onRefused(trust.issuer, found);
      refusal ??= found;
    }
    return { found: refusal ?? 'unknown', by: undefined };
  };

  const judged = async (asked: SignedAsked, { trusts, judge, nobody }: Asking): Promise<Found> => {
    const ended = changing.begin();
    let facts: TokenFacts | undefined;
    let by: Trust | undefined;
    let isOld = true;
    try {
      const all = (await trusted.of(asked.requirement.workspace ?? '')).filter(trusts);
      const enabled = ordered(all, asked.requirement).filter(({ issuer }) => issuer.enabled);
      if (enabled.length === 0) return all.length === 0 ? nobody : 'disabled';
      const first = await firstOf(enabled, judge);
      if (typeof first.found === 'string') return first.found;
      facts = first.found;
      by = first.by;
    } finally {
      // Facts that may have become other ones while they were read are used once and not kept.
      isOld = ended((change) => facts !== undefined && concerns(change, facts));
    }
    if (!isOld && feed.fresh())
      kept.set(nameOf(asked), { facts, since: asked.now, until: keptUntil(facts, by, asked.now) });
    return facts;
  };

  /** What an issuer said of a token that it was asked about is not believed past the token's end, whatever its clock says. */
  const keptUntil = (
    { expiresAt = Number.POSITIVE_INFINITY }: TokenFacts,
    by: Trust | undefined,
    now: number,
  ): number =>
    by !== undefined && 'introspection' in by.issuer.method
      ? Math.min(now + options.introspectedMs, expiresAt)
      : now + SIGNED_KEPT_MS;

  const fromMemory = (asked: SignedAsked): TokenFacts | undefined => {
    const known = feed.fresh() ? kept.get(nameOf(asked)) : undefined;
    // A clock that was set back does not tell how old they are.
    return known !== undefined && asked.now >= known.since && asked.now < known.until ? known.facts : undefined;
  };

  const introspected = async (text: string, trust: Trust, asked: SignedAsked): Promise<Found> => {
    const answer = await introspection.ask(trust.issuer, text);
    // Ended, revoked or never issued: it does not say which.
    if (answer === undefined) return 'unknown';
    const claims = foreignClaims(answer);
    if (claims === undefined || (claims.iss ?? trust.issuer.issuer) !== trust.issuer.issuer) return 'unknown';
    return foreignFacts(trust, { claims, ...asked }, reader);
  };

  const verified = async (read: StrictCompact, { trust, asked }: Judged): Promise<Found> => {
    const { issuer } = trust;
    const { alg, typ, kid, jwk } = read.header;
    if (jwk !== undefined || kid === undefined || !takesType(issuer, typ)) return 'malformed';
    if (!issuer.rules.algorithms.includes(alg as ForeignAlgorithm)) return 'malformed';
    const key = await options.keys.of(issuer).find(kid, asked.now);
    if (key === undefined) return 'signature_invalid';
    if (key.alg !== alg) return 'malformed';
    if (!isSignedBy(read, key)) return 'signature_invalid';
    const claims = foreignClaims(read.claims);
    if (claims === undefined || !isWhole(claims)) return 'malformed';
    return foreignFacts(trust, { claims, ...asked }, reader);
  };

  return {
    signed: {
      find(text, asked) {
        const known = fromMemory(asked);
        if (known !== undefined) return known;
        const read = strictCompact(text, MAX_LENGTH);
        if (read === undefined) return 'malformed';
        // Trust is a workspace's: where none is asked for, such as by the management API, nobody's word counts.
        if (asked.requirement.workspace === undefined) return refusalOfNobody(read);
        return judged(asked, {
          trusts: ({ issuer }) => issuer.issuer === read.claims.iss,
          judge: (trust) =>
            'introspection' in trust.issuer.method
              ? introspected(text, trust, asked)
              : verified(read, { trust, asked }),
          nobody: refusalOfNobody(read),
        });
      },
    },
    opaque: {
      find(text, asked) {
        const { workspace, audience } = asked.requirement;
        // Nothing is sent to anybody unless the request says which api it is for.
        if (workspace === undefined || audience === undefined) return 'malformed';
        return (
          fromMemory(asked) ??
          judged(asked, {
            trusts: (trust) => isFor(trust, asked.requirement) && mayBeOf(trust.issuer, text),
            judge: (trust) => introspected(text, trust, asked),
            nobody: 'malformed',
          })
        );
      },
    },
  };
}

/** Whose tokens the text may be one of, how one of them judges it, and what is said where there is none. */
interface Asking {
  readonly trusts: (trust: Trust) => boolean;
  readonly judge: (trust: Trust) => Promise<Found>;
  readonly nobody: DenialCode;
}

interface Judged {
  readonly trust: Trust;
  readonly asked: SignedAsked;
}

/** Of an issuer that nobody trusts: there is no key that could verify it. */
function refusalOfNobody({ header: { kid, jwk } }: StrictCompact): DenialCode {
  return kid === undefined || jwk !== undefined ? 'malformed' : 'signature_invalid';
}

/** Another workspace or api may find other facts for the same text. Ids hold no space, and digests are all of one length. */
function nameOf({ digest, requirement: { workspace = '', audience = '' } }: SignedAsked): string {
  return `${workspace} ${digest} ${audience}`;
}

/** Those of the api that is asked for come first. */
function ordered(trusts: readonly Trust[], requirement: Requirement): readonly Trust[] {
  return [
    ...trusts.filter((trust) => isFor(trust, requirement)),
    ...trusts.filter((trust) => !isFor(trust, requirement)),
  ];
}

function isFor({ api }: Trust, { audience }: Requirement): boolean {
  return audience === api.audience || audience === api.id;
}

function mayBeOf({ method }: Issuer, text: string): boolean {
  return 'introspection' in method && text.startsWith(method.introspection.prefix);
}

/** Media types are compared without case, and `application/` may be left out (RFC 7515 section 4.1.9). */
function takesType({ rules }: Issuer, typ: string | undefined): boolean {
  const type = typ === undefined ? 'absent' : typ.toLowerCase().replace(/^application\//, '');
  return !(typ !== undefined && type === 'absent') && rules.tokenTypes.includes(type);
}

/** What a token that is judged by itself must say. */
function isWhole({ sub, exp, iat }: ForeignClaims): boolean {
  return sub !== undefined && exp !== undefined && iat !== undefined;
}
