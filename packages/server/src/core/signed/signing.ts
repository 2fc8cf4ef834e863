/** Signing the text of a token, inside the unit of work that makes it: with the key that is active then, which is kept for as long as the text lives. */
import { Buffer } from 'node:buffer';
import { createPublicKey } from 'node:crypto';
import { signCompact } from '@tessera/verify/jose';
import type { Custody } from '../custody/custody.ts';
import type { KeyAlgorithm } from '../key-ring/algorithms.ts';
import { rotateRing } from '../key-ring/steps.ts';
import type { Api, JwtEncryption, Owner, RingKey, Token } from '../model.ts';
import { Refusal } from '../refusal.ts';
import type { Tx } from '../store-port.ts';
import { filledClaims } from './claim-template.ts';
import { claimsOf } from './claims.ts';
import { encryptCompact } from './encrypt-compact.ts';
import type { Issuers } from './issuer.ts';
import type { RingSecrets } from './ring-secrets.ts';
import { isSelfContained } from './self-contained.ts';

export interface Signing {
  /** The text of a signed token. */
  sign(tx: Tx, of: ToSign): Promise<Signed>;
}

export interface Signed {
  readonly text: string;
  /** Id of the key that signed it. */
  readonly signedWith: string;
}

export interface ToSign {
  readonly token: Token;
  readonly api: Api;
  /** Which text of the token it is, counted from 1. */
  readonly number: number;
  readonly now: number;
}

export interface SigningParts {
  readonly custody: Pick<Custody, 'seal'>;
  readonly secrets: RingSecrets;
  readonly issuers: Issuers;
}

/** Media type of an access token (RFC 9068 section 2.1). */
const ACCESS_TOKEN = 'at+jwt';
const DEFAULT_ALG = 'EdDSA';
/** So that the row of a key is not written with each token. */
const NEEDED_STEP_MS = 600_000;
/** By how much the clock of who verifies may differ from ours. */
const SKEW_MS = 60_000;

export function createSigning({ custody, secrets, issuers }: SigningParts): Signing {
  const keyFor = async (tx: Tx, { token, now }: ToSign, alg: KeyAlgorithm): Promise<RingKey> => {
    const { workspace, expiresAt } = token;
    const ring = (await tx.liveKeys(workspace)).filter((key) => key.alg === alg);
    // Where no key was ever asked for, one is made; one that was retired on purpose stays so.
    const active =
      ring.length === 0
        ? (await rotateRing(tx, { workspace, now }, { alg, sealing: custody })).active
        : ring.find(({ state }) => state === 'active');
    if (active === undefined) throw new Refusal('conflict', `no key for ${alg} is active: rotate or activate one`);
    const needed = Math.ceil(((expiresAt ?? now) + SKEW_MS) / NEEDED_STEP_MS) * NEEDED_STEP_MS;
    if (needed <= (active.neededUntil ?? 0)) return active;
    const kept: RingKey = { ...active, neededUntil: needed };
    await tx.updateKey(kept);
    return kept;
  };

  const encrypted = async (
    tx: Tx,
    of: ToSign,
    { text, encryption }: { readonly text: string; readonly encryption: JwtEncryption },
  ): Promise<string> => {
    const { alg, jwk } = encryption;
    if (jwk !== undefined) {
      const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
      return encryptCompact(text, { alg, key, kid: jwk.kid ?? '' });
    }
    const own = await keyFor(tx, of, alg === 'dir' ? 'A256GCM' : alg);
    const secret = await secrets.of(own);
    return encryptCompact(text, { alg, key: secret.type === 'secret' ? secret : createPublicKey(secret), kid: own.id });
  };

  return {
    async sign(tx, of) {
      const { token, api, number, now } = of;
      const owner = token.owner === null ? undefined : await tx.owner(token.workspace, token.owner);
      const alg = api.jwt?.alg ?? DEFAULT_ALG;
      const workspace = await tx.workspace(token.workspace);
      const ancestors = token.parent === null ? [] : await tx.ancestors(token.parent);
      const registered = claimsOf({
        token,
        api,
        owner,
        issuer: issuers.of(token.workspace),
        ancestors: ancestors.map(({ id }) => id),
        jti: number === 1 ? token.id : `${token.id}.${number}`,
        seq: isSelfContained(token, { workspace, api, owner, ancestors }) ? await tx.latestChange() : undefined,
        now,
      });
      const roles = await roleNames(tx, owner);
      const claims = { ...filledClaims(api.jwt?.claims ?? {}, { token, owner, roles }), ...registered };
      const key = await keyFor(tx, of, alg);
      const text = signCompact({ typ: ACCESS_TOKEN, kid: key.id }, claims, { alg, key: await secrets.of(key) });
      const encryption = api.jwt?.encryption;
      return {
        text: fitting(encryption === undefined ? text : await encrypted(tx, of, { text, encryption })),
        signedWith: key.id,
      };
    },
  };
}

/** A text that no door of ours would read must not be given out. */
function fitting(text: string): string {
  if (Buffer.byteLength(text) > MAX_TEXT)
    throw new Refusal(
      'invalid_input',
      `the signed text would be longer than ${MAX_TEXT} bytes: ask for fewer scopes or claims`,
    );
  return text;
}

const MAX_TEXT = 8192;

async function roleNames(tx: Tx, owner: Owner | undefined): Promise<readonly string[]> {
  if (owner === undefined) return [];
  const roles = await tx.rolesByIds(owner.workspace, owner.roles);
  return owner.roles.flatMap((id) => roles.filter((role) => role.id === id).map(({ name }) => name));
}
