/** The OAuth endpoints, built from what the platform has: the door, and the page that tells clients of it. */

import type { Clock } from '@tessera/verify';
import type { Config } from './config/load.ts';
import type { Custody } from './core/custody/custody.ts';
import { deniedLog } from './core/denied-attempts.ts';
import { introspection } from './core/introspection.ts';
import { workspaceSigners } from './core/key-ring/workspace-signers.ts';
import { issuers } from './core/signed/issuer.ts';
import type { RingSecrets } from './core/signed/ring-secrets.ts';
import { createSigning } from './core/signed/signing.ts';
import type { Store } from './core/store-port.ts';
import type { Judging } from './judging.ts';
import { oauthHandler } from './oauth/handler.ts';
import { metadataPages } from './oauth/metadata.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Door } from './platform.ts';

export interface OAuthParts {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly judging: Judging;
  readonly custody: Custody;
  readonly secrets: RingSecrets;
  readonly defaultWorkspace: string;
}

export interface OAuthEndpoints {
  readonly door: Door;
  /** The page that a path names. */
  readonly pages: (path: string) => Door | undefined;
}

export function oauthEndpoints(parts: OAuthParts): OAuthEndpoints {
  const { config, store, clock, log, metrics, judging, custody, secrets, defaultWorkspace } = parts;
  const { publicUrl } = config;
  const manages = config.role === 'all';
  const issuing = issuers(publicUrl ?? 'tessera', defaultWorkspace);
  const { of: issuer } = issuing;
  const { ports, failed, record, feed } = judging;
  const onError = (err: unknown, requestId: string): void =>
    log.error({ err, requestId }, 'an OAuth endpoint failed on our side');
  return {
    door: oauthHandler({
      ports,
      failed,
      recorder: record,
      store,
      clock,
      introspect: introspection({ ports, store, issuer }),
      signers: workspaceSigners({ store, secrets, sealing: manages ? custody : undefined, feed, now: clock.now }),
      minting: { policy: config, signing: createSigning({ custody, secrets, issuers: issuing }) },
      exchangesPerMinute: config.exchangesPerMinute,
      issuer,
      manages,
      bodyTimeoutMs: config.stallSeconds * 1000,
      events: {
        revoked: metrics.revoked,
        minted: metrics.minted,
        answered: ({ path, method, status, seconds }) => metrics.route(path).request(method, status, seconds),
      },
      onError,
      denied: deniedLog({ store, clock, onError }),
    }),
    pages: metadataPages({ publicUrl, issuer, defaultWorkspace, workspace: store.workspace }),
  };
}
