/** Taking over tokens of another system by their digests: the secrets stay with their holders and are never seen here. */
import type { Body } from '@tessera/contract';
import { fingerprint } from '@tessera/token';
import type { Confirmed } from '../call.ts';
import type { Secret, TokenWithSecrets } from '../model.ts';
import { invalid, Refusal } from '../refusal.ts';
import { DigestTaken, type Tx } from '../store-port.ts';
import { openAccount } from './credits.ts';
import type { ExpiryPolicy } from './expiry.ts';
import { created, draft, resolveApi } from './mint.ts';

type ImportItem = Body<'tokens.import'>['items'][number];

const DIGEST_BYTES = { sha256: 32, sha512: 64 } as const;

export async function importToken(
  tx: Tx,
  call: Confirmed,
  { item, policy }: { readonly item: ImportItem; readonly policy: ExpiryPolicy },
): Promise<TokenWithSecrets> {
  const { digest, algorithm, prefix, lastFour, ...input } = item;
  const bytes = digestOf(digest, algorithm);
  if (bytes === undefined) throw invalid('/digest', `must be ${DIGEST_BYTES[algorithm]} bytes in hex or base64`);
  const api = await resolveApi(tx, call.workspace, input.api);
  const token = await draft(tx, call, { input, api, policy });
  const secret: Secret = {
    digest: bytes,
    algorithm,
    token: token.id,
    fingerprint: algorithm === 'sha256' ? fingerprint(bytes) : null,
    hint: `${prefix}…${lastFour ?? ''}`,
    state: 'active',
    createdAt: call.now,
    validUntil: null,
    graceSeconds: null,
    lastUsedAt: null,
  };
  try {
    await tx.insertToken(token, secret);
  } catch (error) {
    if (error instanceof DigestTaken) throw new Refusal('conflict', 'a token with this digest exists already');
    throw error;
  }
  const account = await openAccount(tx, token, input.credits);
  await tx.addImportedPrefix(call.workspace, { prefix, algorithm });
  created(tx, call, { token, secret });
  tx.changed({ workspace: call.workspace, kind: 'token.imported', id: token.id });
  return { token, secrets: [secret], account };
}

function digestOf(text: string, algorithm: keyof typeof DIGEST_BYTES): Uint8Array | undefined {
  const length = DIGEST_BYTES[algorithm];
  if (/^[0-9a-fA-F]+$/.test(text) && text.length === length * 2)
    return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  );
  return bytes.length === length ? bytes : undefined;
}
