/** The first start and every later one: the default workspace with its apis, the root token. */
import { generate, parse } from '@tessera/token';
import { newId } from './ids.ts';
import type { Token } from './model.ts';
import { StartRefused } from './start-refused.ts';
import { DigestTaken, type Store, type Tx } from './store-port.ts';
import { systemRecord } from './system-record.ts';
import { secretOf } from './tokens/draw.ts';
import { MANAGEMENT_AUDIENCE } from './tokens/facts.ts';
import { DEFAULT_WORKSPACE, foundWorkspace } from './workspaces.ts';

const ROOT_TOKEN = 'root_token';

export interface Bootstrapped {
  readonly defaultWorkspace: string;
  /** The new root token's text, where this start made one: to be shown once. */
  readonly rootToken: string | undefined;
}

/**
 * Idempotent, and safe when several processes start at once: it is one unit of work. `rootToken` is the setting's text;
 * absent, the first start draws one. Another text than before ends the one before.
 */
export async function bootstrap(
  store: Pick<Store, 'write'>,
  options: { readonly rootToken: string | undefined; readonly now: number },
): Promise<Bootstrapped> {
  const drawn = generate({ prefix: 'tsm', environment: 'live' });
  return store.write(async (tx) => {
    const defaultWorkspace = (await tx.meta(DEFAULT_WORKSPACE)) ?? (await foundDefault(tx, options.now));
    const root = await tx.meta(ROOT_TOKEN);
    if (root === undefined) {
      await insertRoot(tx, { workspace: defaultWorkspace, text: options.rootToken ?? drawn, now: options.now });
      return { defaultWorkspace, rootToken: options.rootToken === undefined ? drawn : undefined };
    }
    if (options.rootToken !== undefined)
      await replaceRoot(tx, { workspace: defaultWorkspace, id: root, text: options.rootToken, now: options.now });
    return { defaultWorkspace, rootToken: undefined };
  });
}

async function foundDefault(tx: Tx, now: number): Promise<string> {
  const { id } = await foundWorkspace(tx, 'default', now);
  await tx.setMeta(DEFAULT_WORKSPACE, id);
  systemRecord(tx, {
    workspace: id,
    now,
    action: 'workspace.create',
    target: { type: 'workspace', id },
    details: { name: 'default' },
  });
  return id;
}

async function insertRoot(
  tx: Tx,
  { workspace, text, now }: { readonly workspace: string; readonly text: string; readonly now: number },
): Promise<void> {
  const api = await tx.apiByAudience(workspace, MANAGEMENT_AUDIENCE);
  if (api === undefined) throw new Error('the default workspace has no management api');
  const token: Token = {
    id: newId('tok'),
    workspace,
    kind: 'api_key',
    name: 'root',
    owner: null,
    api: api.id,
    environment: environmentOf(text),
    scopes: ['root'],
    limits: [],
    quota: null,
    credits: null,
    ip: {},
    metadata: {},
    boundKey: null,
    format: 'opaque',
    parent: null,
    client: null,
    session: null,
    enabled: true,
    createdBy: 'system',
    notBefore: null,
    expiresAt: null,
    revokedAt: null,
    revokedReason: null,
    lastUsedAt: null,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  const secret = secretOf(text, token.id, now);
  await tx.insertToken(token, secret).catch(refuseTaken);
  await tx.setMeta(ROOT_TOKEN, token.id);
  systemRecord(tx, {
    workspace,
    now,
    action: 'token.create',
    target: { type: 'token', id: token.id },
    details: { name: 'root', fingerprint: secret.fingerprint },
  });
  tx.changed({ workspace, kind: 'token.created', id: token.id });
}

async function replaceRoot(
  tx: Tx,
  {
    workspace,
    id,
    text,
    now,
  }: { readonly workspace: string; readonly id: string; readonly text: string; readonly now: number },
): Promise<void> {
  const root = await tx.token(workspace, id);
  if (root === undefined) throw new Error('the root token is named but missing');
  const next = secretOf(text, id, now);
  const current = root.secrets.find((secret) => secret.state === 'active');
  if (current?.fingerprint === next.fingerprint) return;
  // A text that was the root token before stays ended: whoever kept it must not get in again.
  if (root.secrets.some((secret) => secret.fingerprint === next.fingerprint))
    throw new StartRefused('this root token was replaced before; draw a new one');
  for (const secret of root.secrets)
    await tx.updateSecret({ ...secret, state: 'retired', validUntil: Math.min(secret.validUntil ?? now, now) });
  await tx.insertSecret(next).catch(refuseTaken);
  await tx.updateToken({
    ...root.token,
    environment: environmentOf(text),
    updatedAt: now,
    version: root.token.version + 1,
  });
  systemRecord(tx, {
    workspace,
    now,
    action: 'token.rotate',
    target: { type: 'token', id },
    details: { name: 'root', fingerprint: next.fingerprint },
  });
  tx.changed({ workspace, kind: 'token.rotated', id });
}

function refuseTaken(error: unknown): never {
  if (error instanceof DigestTaken)
    throw new StartRefused('this root token is the secret of another token; draw a new one');
  throw error;
}

function environmentOf(text: string): Token['environment'] {
  const parsed = parse(text);
  if (parsed === undefined)
    throw new StartRefused('the root token is not a well-formed token text; make one with `tessera generate`');
  return parsed.environment;
}
