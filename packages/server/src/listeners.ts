/** Every listener that the configuration asks for: gateway and platform, in clear and over TLS, and the metrics. */
import type { IncomingMessage } from 'node:http';
import type { SecureContextOptions } from 'node:tls';
import type { Clock, TrustedProxies } from '@tessera/verify';
import type { Config } from './config/load.ts';
import { StartRefused } from './core/start-refused.ts';
import { followCertificate, type LoadedCertificate } from './http/certificates.ts';
import { listen } from './http/listen.ts';
import {
  type Handler,
  LISTEN_LIMITS,
  type Listener,
  type ListenOptions,
  type ProxyListening,
  type TlsListening,
} from './http/listen-options.ts';
import { inTurns } from './http/turns.ts';
import { certificateFiles } from './named-files.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';

export interface ListenersParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Whether other threads of this process listen there too. */
  readonly reusePort: boolean;
  /** Whose PROXY protocol headers are believed. */
  readonly trusted: TrustedProxies;
  readonly handlers: { readonly platform: Handler; readonly gateway: Handler; readonly metrics: Handler };
  /** Which requests to the gateway may change their connection to another protocol. */
  readonly mayUpgrade: NonNullable<ListenOptions['mayUpgrade']>;
  readonly onError: (error: unknown) => void;
}

/** Undefined: there is no such listener. */
export interface Ports {
  readonly platform: number;
  readonly gateway: number;
  readonly platformTls: number | undefined;
  readonly gatewayTls: number | undefined;
  readonly metrics: number | undefined;
}

export interface Listeners {
  readonly ports: Ports;
  /** Reads the certificate again, as on SIGHUP. */
  reload(): void;
  /** As of a `Listener`, of all. */
  lastAnswers(): void;
  /** As of a `Listener`, of all. */
  close(graceMs: number): Promise<void>;
}

/** Binds all of them, or throws and leaves none open. Throws `StartRefused` where the certificate cannot be used. */
export async function openListeners(parts: ListenersParts): Promise<Listeners> {
  const { config, metrics, reusePort, trusted, handlers, mayUpgrade, onError } = parts;
  const open: Listener[] = [];
  const certificate = servedCertificate(parts, (context) => {
    for (const listener of open) listener.renew(context);
  });
  const close = async (graceMs: number): Promise<void> => {
    certificate?.end();
    await Promise.all(open.map((listener) => listener.close(graceMs)));
  };
  const bind = async (options: Omit<ListenOptions, 'host' | 'onError'>): Promise<number> => {
    const stallMs = config.stallSeconds * 1000;
    const limits = {
      maxConnections: config.maxConnections,
      // A header section is part of the request.
      headersTimeoutMs: Math.min(LISTEN_LIMITS.headersTimeoutMs, stallMs),
      requestTimeoutMs: stallMs,
      unreadTimeoutMs: stallMs,
      ...options.limits,
    };
    const listener = await listen({
      host: config.host,
      reusePort,
      onError,
      onCrowded: metrics.transport.connectionRefused,
      ...options,
      limits,
    });
    open.push(listener);
    return listener.port;
  };
  const isSet = (setting: 'publicHttp' | 'proxyProtocol', door: 'platform' | 'gateway'): boolean =>
    config[setting] === door || config[setting] === 'both';
  const proxied = (door: 'platform' | 'gateway'): ProxyListening | undefined =>
    isSet('proxyProtocol', door)
      ? { trusts: (peer) => trusted.includes(peer), onRefused: metrics.transport.proxyHeaderRefused }
      : undefined;
  const { transport } = metrics;
  const platform = {
    handler: inTurns(handlers.platform, { onShed: () => transport.requestShed('platform'), isUrgent: isProbe }),
    proxied: proxied('platform'),
  };
  // The gateway streams bodies of any length and bounds their silence itself.
  const gateway = {
    handler: inTurns(handlers.gateway, { onShed: () => transport.requestShed('gateway') }),
    mayUpgrade,
    limits: { requestTimeoutMs: 0 },
    proxied: proxied('gateway'),
  };
  const { port, gatewayPort, tlsPort, gatewayTlsPort, metricsPort } = config;
  const tls = certificate?.tls;
  try {
    const ports = {
      platform: await bind({ ...platform, port, exposed: isSet('publicHttp', 'platform') }),
      gateway: await bind({ ...gateway, port: gatewayPort, exposed: isSet('publicHttp', 'gateway') }),
      platformTls: tlsPort === undefined ? undefined : await bind({ ...platform, port: tlsPort, tls }),
      gatewayTls: gatewayTlsPort === undefined ? undefined : await bind({ ...gateway, port: gatewayTlsPort, tls }),
      metrics: metricsPort === undefined ? undefined : await bind({ handler: handlers.metrics, port: metricsPort }),
    };
    const lastAnswers = (): void => {
      for (const listener of open) listener.lastAnswers();
    };
    return { ports, close, lastAnswers, reload: () => certificate?.reload() };
  } catch (error) {
    await close(0);
    throw error;
  }
}

/** What watches this node asks most when it has most to do. */
function isProbe({ url }: IncomingMessage): boolean {
  return url === '/healthz' || url === '/readyz' || url === '/metrics';
}

interface Served {
  readonly tls: TlsListening;
  reload(): void;
  end(): void;
}

/** `renew` is called with every certificate but the first. */
function servedCertificate(parts: ListenersParts, renew: Listener['renew']): Served | undefined {
  const { config, clock, log, metrics } = parts;
  const files = certificateFiles(config);
  if (files === undefined) return undefined;
  const { transport } = metrics;
  const ended = new AbortController();
  let inForce: SecureContextOptions = {};
  const adopt = ({ expiresAt, warnings }: LoadedCertificate & { readonly ok: true }): void => {
    transport.certificateInForce(expiresAt);
    for (const problem of warnings) log.warn({ problem }, 'the certificate that is served');
  };
  const { first, reload } = followCertificate({
    files,
    now: clock.now,
    onRenewed(loaded) {
      inForce = loaded.context;
      renew(inForce);
      adopt(loaded);
      log.info({ expires: new Date(loaded.expiresAt).toISOString() }, 'the certificate was reloaded');
    },
    onProblem(problem) {
      transport.certificateReloaded(false);
      log.error({ problem }, 'the certificate was not reloaded: what was in force stays');
    },
    signal: ended.signal,
  });
  if (!first.ok) {
    ended.abort();
    throw new StartRefused(first.problem);
  }
  adopt(first);
  inForce = first.context;
  return {
    tls: {
      get context() {
        return inForce;
      },
      clientCertificates: config.tlsClientCertificates,
      onRefused: transport.handshakeRefused,
    },
    reload,
    end: () => ended.abort(),
  };
}
