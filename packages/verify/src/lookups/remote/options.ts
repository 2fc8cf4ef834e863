/** What a verifier is made with: read once, checked, and frozen with every default in place. */
import type { Clock, Proofs, SignedLookup } from '../../ports.ts';
import { type Requirement, requirement } from '../../requirement.ts';
import { verdictClocks } from '../../wakeful-clock.ts';
import { consoleEvents } from './console-events.ts';

/** What every request to the service must fulfil. Limits are those of the tokens: a service counts its own by itself. */
type Required = Partial<
  Pick<Requirement, 'environment' | 'scopes' | 'kinds' | 'roles' | 'proof' | 'clientCertificate' | 'addresses'>
>;

export interface VerifierOptions extends Required {
  /** Where the platform listens, such as `https://tessera.example.com`; a path in it is kept. */
  readonly url: string | URL;
  /** A management token with the scope `verify` and no other: the tokens of its workspace are known here. */
  readonly token: string;
  /** Audience or id of the api that tokens must be for: this service. */
  readonly audience: string;
  /**
   * For how many milliseconds without news of the server what is in memory is believed; 2,000 to 60,000, default 5,000. After them every token is
   * looked up before it is allowed.
   */
  readonly stalenessMs?: number | undefined;
  /**
   * Where the server cannot be asked, tokens that are in memory are allowed until news is older than so many milliseconds: **also those that were revoked
   * meanwhile**. Default 0: they are denied as `fault`.
   */
  readonly dangerouslyServeStaleForMs?: number | undefined;
  /** For each call to the server, in milliseconds; at most `stalenessMs`, default 2,000. */
  readonly timeoutMs?: number | undefined;
  /** Tokens that are kept in memory; default 100,000. */
  readonly maxTokens?: number | undefined;
  /** What looks up signed tokens of other issuers, from `@tessera/verify/jose`. Absent: they are `malformed`. Those of the server need none. */
  readonly signed?: SignedLookup | undefined;
  /** What checks proofs of possession, from `@tessera/verify/jose`. Absent: bound tokens are denied as `fault`. */
  readonly proofs?: Proofs | undefined;
  /** Hears of what happens. Must not throw. Default: what goes wrong is a line of the console, once until the server is followed again. */
  readonly onEvent?: ((event: VerifierEvent) => void) | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: the clock of the system. Tells what has expired. */
  readonly clock?: Clock | undefined;
  /**
   * Milliseconds on a clock that never steps back, and goes on while the process is paused or its machine sleeps; default: `wakefulClock`
   * over `performance.now` and `Date.now`. Tells what is stale.
   */
  readonly monotonic?: (() => number) | undefined;
}

/** What a verifier tells beside its verdicts. No event holds a token. */
export type VerifierEvent =
  /** News comes: what is in memory is believed. */
  | { readonly type: 'following' }
  /** The change feed ended or could not be opened; it is tried again. */
  | { readonly type: 'lost'; readonly error: unknown }
  /** A verdict became `fault`, or something could not be told to the server. */
  | { readonly type: 'error'; readonly error: unknown };

/** {@link VerifierOptions} with every default in place. */
export interface Settings {
  readonly url: string;
  readonly token: string;
  readonly requirement: Requirement;
  readonly stalenessMs: number;
  readonly dangerouslyServeStaleForMs: number;
  readonly timeoutMs: number;
  readonly maxTokens: number;
  readonly signed: SignedLookup | undefined;
  readonly proofs: Proofs | undefined;
  readonly onEvent: (event: VerifierEvent) => void;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly monotonic: () => number;
}

const DEFAULT_STALENESS_MS = 5000;
const DEFAULT_TIMEOUT_MS = 2000;
const DEFAULT_MAX_TOKENS = 100_000;
const DAY_MS = 86_400_000;
/** Held, and not found among the globals at every verdict, which takes half as long again. */
const { performance } = globalThis;
const SYSTEM = { monotonic: () => performance.now(), wall: () => Date.now() };
/** What may stand in a header after `Bearer`; anything else would make `fetch` throw an error that quotes it. */
const SENDABLE = /^[\x21-\x7e]{1,16384}$/;

/** @throws RangeError naming the option that cannot be used, never its value */
export function readOptions(options: VerifierOptions): Settings {
  const { audience, environment, scopes = [], kinds = [], roles = [], proof = false, addresses = [] } = options;
  const { clientCertificate = false } = options;
  if (options.token === '')
    throw new RangeError('token is empty: a management token with the scope `verify` is needed');
  if (!SENDABLE.test(options.token)) throw new RangeError('token must be printable ASCII without spaces');
  // Without one, a token for any other service would do.
  if (typeof audience !== 'string' || audience === '')
    throw new RangeError('audience must name the api of this service');
  const stalenessMs = whole('stalenessMs', options.stalenessMs ?? DEFAULT_STALENESS_MS, [2000, 60_000]);
  const { monotonic, wall } = verdictClocks(SYSTEM);
  return Object.freeze({
    url: readUrl(options.url),
    token: options.token,
    requirement: requirement({ audience, environment, scopes, kinds, roles, proof, clientCertificate, addresses }),
    stalenessMs,
    dangerouslyServeStaleForMs: whole('dangerouslyServeStaleForMs', options.dangerouslyServeStaleForMs ?? 0, [
      0,
      DAY_MS,
    ]),
    // An answer is as old as its question: one that took longer than the bound would prove nothing.
    timeoutMs: whole('timeoutMs', options.timeoutMs ?? Math.min(DEFAULT_TIMEOUT_MS, stalenessMs), [1, stalenessMs]),
    maxTokens: whole('maxTokens', options.maxTokens ?? DEFAULT_MAX_TOKENS, [1, 10_000_000]),
    signed: options.signed,
    proofs: options.proofs,
    onEvent: options.onEvent ?? consoleEvents(),
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? { now: wall },
    monotonic: options.monotonic ?? monotonic,
  });
}

function readUrl(value: string | URL): string {
  const url = URL.parse(String(value));
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new RangeError('url must be an http or https URL');
  if (url.username !== '' || url.password !== '') throw new RangeError('url must not hold a user or a password');
  if (url.search !== '' || url.hash !== '') throw new RangeError('url must not have a query or a fragment');
  return url.href.replace(/\/+$/, '');
}

function whole(name: string, value: number, [min, max]: readonly [number, number]): number {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}`);
  return value;
}
