/** Tokens of other issuers, put together: what core judges by, what asks the issuers, and who hears of it. */
import { getCACertificates } from 'node:tls';
import type { Clock } from '@tessera/verify';
import type { Config } from './config/load.ts';
import type { Custody } from './core/custody/custody.ts';
import type { Feed } from './core/feed.ts';
import { type ForeignTokens, foreignTokens } from './core/issuers/foreign-tokens.ts';
import { placeOfSecret } from './core/issuers/issuers.ts';
import { trustedIssuers } from './core/issuers/trusted-issuers.ts';
import { StartRefused } from './core/start-refused.ts';
import type { Store } from './core/store-port.ts';
import { introspection } from './issuers/introspection.ts';
import type { IssuerEvents } from './issuers/issuer-events.ts';
import { issuerKeys } from './issuers/issuer-keys.ts';
import { createOutbound } from './issuers/outbound.ts';
import { refusedAddresses } from './issuers/refused-addresses.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { readTextFile } from './read-file.ts';

export interface ForeignTokensParts {
  readonly config: Pick<
    Config,
    'issuerAddresses' | 'issuerCa' | 'issuerKeysKeptSeconds' | 'stalenessSeconds' | 'cacheTokens'
  >;
  readonly store: Store;
  readonly custody: Pick<Custody, 'open'>;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'issuers'>;
}

export interface StartedForeignTokens extends ForeignTokens {
  stop(): Promise<void>;
}

export function startForeignTokens(parts: ForeignTokensParts): StartedForeignTokens {
  const { config, store, custody, feed, clock, log, metrics } = parts;
  const events = issuerEvents(log, metrics);
  const outbound = createOutbound({
    isRefused: refusedAddresses(config.issuerAddresses),
    ...(config.issuerCa !== undefined && { ca: authoritiesWith(config.issuerCa) }),
  });
  const keys = issuerKeys({ outbound, keptMs: config.issuerKeysKeptSeconds * 1000, events });
  metrics.issuers.follow(() => keys.oldestMs(clock.now()) / 1000);
  const found = foreignTokens({
    trusted: trustedIssuers({ store, feed }),
    reader: store,
    keys,
    introspection: introspection({
      outbound,
      monotonic: () => performance.now(),
      events,
      async secretOf(issuer) {
        if (issuer.sealed === null) throw new Error('the issuer has no client secret');
        return new TextDecoder().decode(await custody.open(placeOfSecret(issuer), issuer.sealed));
      },
    }),
    feed,
    maxTokens: config.cacheTokens,
    introspectedMs: config.stalenessSeconds * 1000,
    onRefused: ({ id, issuer }, code) => log.debug({ id, issuer, verdict: code }, 'a trust did not take a token'),
  });
  return { ...found, stop: outbound.close };
}

/** Those of the runtime, and those of the file. */
function authoritiesWith(path: string): readonly string[] {
  const file = readTextFile(path);
  if (!file.ok) throw new StartRefused(`issuerCa: the file ${file.message}`);
  return [...getCACertificates('default'), file.text];
}

function issuerEvents(log: Logger, metrics: Pick<Metrics, 'issuers'>): IssuerEvents {
  return {
    keys(event, issuer, err) {
      if (event === 'fetched' || event === 'failed') metrics.issuers.keys(event);
      else if (event === 'lost')
        log.warn({ issuer, err }, 'the keys of an issuer cannot be fetched: those known are used');
      else log.info({ issuer }, 'the keys of an issuer can be fetched again');
    },
    introspected: metrics.issuers.introspected,
    opened: (issuer, err) => log.warn({ issuer, err }, 'an issuer cannot be asked about its tokens: they are refused'),
  };
}
