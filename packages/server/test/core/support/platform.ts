/** A platform without HTTP: the real embedded store, started, under a clock that the test moves. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expandManagementScopes } from '@tessera/contract';
import { generate } from '@tessera/token';
import { digestKey } from '@tessera/verify';
import { onTestFinished } from 'vitest';
import { auditSeal } from '../../../src/core/audit-chain.ts';
import { bootstrap } from '../../../src/core/bootstrap.ts';
import type { Actor, Call, Confirmed } from '../../../src/core/call.ts';
import { confirmed } from '../../../src/core/caller.ts';
import type { Api, Token } from '../../../src/core/model.ts';
import { issuers } from '../../../src/core/signed/issuer.ts';
import { ringSecrets } from '../../../src/core/signed/ring-secrets.ts';
import { createSigning } from '../../../src/core/signed/signing.ts';
import type { Store, Tx } from '../../../src/core/store-port.ts';
import type { ExpiryPolicy } from '../../../src/core/tokens/expiry.ts';
import { type Minted, type Minting, mint } from '../../../src/core/tokens/mint.ts';
import { openStore } from '../../../src/store/open.ts';

export const NOW = Date.UTC(2026, 10, 22, 12);
export const DAY = 86_400_000;
export const auditKey = createHash('sha256').update('the key of the audit head').digest();
export const policy: ExpiryPolicy = {
  defaultExpirySeconds: 90 * 86_400,
  maxExpirySeconds: undefined,
  allowNoExpiry: true,
};

export const secrets = ringSecrets({
  open: async (_place, sealed) => sealed,
});
/** What is sealed is not sealed here: custody has its own tests. */
export const signing = createSigning({
  custody: { seal: (_place, plain) => plain },
  secrets,
  issuers: issuers('https://tessera.test', 'ws_default'),
});
export const minter: Minting = { policy, signing };

export interface Platform {
  readonly store: Store;
  readonly folder: string;
  readonly clock: { now(): number; move(ms: number): void };
  readonly workspace: string;
  readonly rootText: string;
  readonly management: Api;
  readonly usual: Api;
  /** The root token's call. */
  readonly root: Call;
  /** Runs a change as the API does: the caller is confirmed first, in the same unit of work. */
  as<T>(call: Call, work: (tx: Tx, call: Confirmed) => Promise<T>): Promise<T>;
  /** Mints a management token as root, with what is written over it in the store; answers the call of its holder. */
  manager(scopes: readonly string[], over?: Partial<Token>): Promise<Call & { readonly minted: Minted }>;
  /** Another connection to the file, for whoever goes behind the platform's back. */
  tamper(sql: string): void;
}

export async function aPlatform(): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-core-'));
  let now = NOW;
  const clock = {
    now: () => now,
    move(ms: number) {
      now += ms;
    },
  };
  const store = await openStore({ url: undefined, dataFolder: folder, seal: auditSeal(auditKey), clock });
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const rootText = generate({ prefix: 'tsm', environment: 'live' });
  const { defaultWorkspace: workspace } = await bootstrap(store, { rootToken: rootText, now });
  const management = await store.apiByAudience(workspace, 'tessera');
  const usual = await store.apiByAudience(workspace, 'default');
  const rootId = await store.meta('root_token');
  if (management === undefined || usual === undefined || rootId === undefined) throw new Error('not bootstrapped');
  const callOf = (actor: Omit<Actor, 'home' | 'isRoot' | 'isAdmin'>): Call => ({
    actor: {
      ...actor,
      home: workspace,
      isRoot: actor.scopes.includes('root'),
      isAdmin: actor.scopes.includes('admin'),
    },
    workspace,
    now,
    requestId: 'req_test',
    address: '192.0.2.1',
    ifMatch: undefined,
  });
  const root = callOf({
    token: rootId,
    secret: digestKey(rootText),
    owner: null,
    scopes: expandManagementScopes(['root']),
    expiresAt: undefined,
  });
  const as: Platform['as'] = (call, work) =>
    store.write(async (tx) => work(tx, await confirmed(tx, { ...call, now: clock.now() })));
  return {
    store,
    folder,
    clock,
    workspace,
    rootText,
    management,
    usual,
    root,
    as,
    async manager(scopes, over = {}) {
      const minted = await as(root, async (tx, call) => {
        const { owner, kind } = over;
        const born = {
          ...(owner && { owner }),
          ...(kind === 'personal_access_token' && { kind: 'personal_access_token' as const }),
        };
        const made = await mint(tx, call, { api: 'tessera', name: 'manager', scopes: [...scopes], ...born }, minter);
        await tx.updateToken({ ...made.token, ...over });
        return { ...made, token: { ...made.token, ...over } };
      });
      const call = callOf({
        token: minted.token.id,
        secret: digestKey(minted.text),
        owner: minted.token.owner,
        scopes: expandManagementScopes(minted.token.scopes),
        expiresAt: minted.token.expiresAt ?? undefined,
      });
      return { ...call, minted };
    },
    tamper(sql) {
      const database = new DatabaseSync(join(folder, 'tessera.db'));
      try {
        database.exec(sql);
      } finally {
        database.close();
      }
    },
  };
}

/** What a refusal said: its code and its words. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  );
  return error instanceof Error ? error.message : String(error);
}
