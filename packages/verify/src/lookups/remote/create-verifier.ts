/** Verdicts in the caller's process: the decision of the server, over facts that are asked for once and dropped when they change. */
import { decide } from '../../decide.ts';
import { fault } from '../../fault.ts';
import { leasesOver } from '../../leases/lease-wire.ts';
import { isLeased, leasedLimits } from '../../leases/leased-limits.ts';
import { type LeasedParts, leasedVerdict } from '../../leases/leased-verdict.ts';
import { liveCalls } from '../../live/live-calls.ts';
import { unspent } from '../../live/unspent.ts';
import type { MaybePromise } from '../../maybe-promise.ts';
import { UNLIMITED } from '../../policy/counting.ts';
import type { Limiter, Ports, Quotas, TokenFacts } from '../../ports.ts';
import { type Credential, type Presented, presence } from '../../presence.ts';
import type { Asked, Requirement } from '../../requirement.ts';
import { deny, type Verdict } from '../../verdict.ts';
import { type AskedOfVerifier, CLOSED, followed, judgePresented, type Verifier } from '../../verifier.ts';
import { ownSigned } from '../own-signed.ts';
import { absentDigests } from './absent-digests.ts';
import { askedVerdict, isCounted } from './asked-verdict.ts';
import { followedSigning } from './followed-signing.ts';
import { following } from './following.ts';
import { importedTexts } from './imported-texts.ts';
import { keptFacts } from './kept-facts.ts';
import { createLookUps } from './look-ups.ts';
import { createNews } from './news.ts';
import { readOptions, type VerifierOptions } from './options.ts';
import { recentChanges } from './recent-changes.ts';
import { remoteLookup } from './remote-lookup.ts';
import { createReporting } from './reporting.ts';
import { ServerRefused, serverCalls } from './server-calls.ts';
import { sharing } from './shared-parts.ts';
import { usageReports } from './usage-reports.ts';

export interface RemoteVerifier extends Verifier {
  /** How this process is called where the server counts who has confirmed a change. */
  readonly id: string;
  /** Resolves once news of the server comes: from then on cached tokens cost no call. */
  ready(): Promise<void>;
  metrics(): VerifierMetrics;
}

/** Counted since the verifier was made; the rest is as it is now. */
export interface VerifierMetrics {
  readonly hits: number;
  readonly misses: number;
  /** Tokens refused without a call, since the server did not know them a moment ago. */
  readonly absent: number;
  /** Look-ups of tokens that were in memory, and not believed for want of news. */
  readonly rechecks: number;
  /** Served although the server could not be asked (`dangerouslyServeStaleForMs`). */
  readonly servedStale: number;
  /** Calls that looked tokens up. */
  readonly lookups: number;
  /** Tokens in memory. */
  readonly cached: number;
  readonly cachedAbsent: number;
  /** Approximate limits that shares are held of, or were just refused of. */
  readonly leasedLimits: number;
  /** Seconds since which changes may be unknown; infinite before the first news. */
  readonly lagSeconds: number;
  readonly stalenessBoundSeconds: number;
  /** Counts of use that the server has not acknowledged, and verdicts whose count was given up. */
  readonly usageWaiting: number;
  readonly usageLost: number;
  /** Calls that go on after more than a second, and how many were cut since their token could no longer make them. */
  readonly liveCalls: number;
  readonly cutCalls: number;
}

/** Digests that nobody has: bounded, since a stranger chooses them. */
const MOST_ABSENT = 10_000;
const ABSENT_FOR_MS = 10_000;
/** Look-ups that wait at once, over all digests. */
const MOST_WAITING = 2000;

/**
 * A verifier of the tokens of a Tessera server, which it follows until `close` is called.
 *
 * @throws RangeError naming the option that cannot be used
 * @example
 * const verifier = createVerifier({ url: 'https://tessera.example.com', token, audience: 'https://api.example.com' });
 */
export function createVerifier(options: VerifierOptions): RemoteVerifier {
  const settings = readOptions(options);
  const { monotonic, clock, timeoutMs, stalenessMs, requirement: own, onEvent } = settings;
  const id = `vrf_${crypto.randomUUID().replaceAll('-', '')}`;
  const onError = (error: unknown): void => onEvent({ type: 'error', error });
  const calls = serverCalls(settings);
  const news = createNews({ monotonic, boundMs: stalenessMs });
  const kept = keptFacts(settings.maxTokens);
  const absent = absentDigests({ monotonic, max: MOST_ABSENT, forMs: ABSENT_FOR_MS });
  const imports = importedTexts();
  const lookUps = createLookUps({
    calls,
    monotonic,
    joinMs: timeoutMs,
    maxWaiting: MOST_WAITING,
    maxTokens: settings.maxTokens,
    onImports: imports.set,
  });
  const usage = usageReports({
    calls,
    verifier: id,
    now: () => clock.now(),
    // As many again for tokens that are judged and not kept.
    most: 2 * settings.maxTokens,
    onError,
  });
  const share = sharing();
  const tokens = remoteLookup({
    news,
    kept,
    absent,
    recent: recentChanges(),
    imports,
    lookUps,
    forKeeping: (facts) => usage.counted(share(facts)),
    dangerouslyServeStaleForMs: settings.dangerouslyServeStaleForMs,
    onError,
  });
  const signing = followedSigning({ calls, news, now: () => clock.now(), monotonic, onError });
  const reporting = createReporting({ calls, usage, verifier: id, monotonic, onError });
  const leases = leasedLimits({
    ask: leasesOver({ post: calls.post, isRefusal: (error) => error instanceof ServerRefused }),
    monotonic,
    onError,
  });
  const isReady = Promise.withResolvers<void>();
  let isFollowing = false;
  let isClosed = false;
  let cutCalls = 0;

  const live = liveCalls({
    now: () => clock.now(),
    fresh: news.fresh,
    boundMs: stalenessMs,
    onCut: () => {
      cutCalls += 1;
    },
  });

  const feed = following({
    calls,
    news,
    monotonic,
    silenceMs: stalenessMs,
    random: Math.random,
    onChange(change) {
      tokens.change(change);
      signing.change(change);
      live.changed(change);
    },
    onRestart(position) {
      tokens.restart(position);
      signing.restart(position);
      live.changed('missed');
    },
    onResumed(position) {
      tokens.resumed(position);
      signing.resumed(position);
      live.changed('missed');
    },
    onPosition(position) {
      tokens.reached(position);
      reporting.reached(position);
      if (isFollowing) return;
      isFollowing = true;
      onEvent({ type: 'following' });
      isReady.resolve();
    },
    onLost(error) {
      isFollowing = false;
      if (error instanceof ServerRefused && error.isOfCaller) {
        tokens.forget();
        signing.forget();
      }
      onEvent({ type: 'lost', error });
    },
  });

  const ports: Ports = {
    tokens,
    clock,
    limiter: countedByServer,
    quotas: countedByServer,
    onFault: onError,
    signed: ownSigned({
      keys: signing,
      tokens,
      believes: signing.believes,
      mayBeOurs: signing.mayBeOurs,
      otherwise: settings.signed,
    }),
    ...(settings.proofs && { proofs: settings.proofs }),
  };

  const judged = (verdict: Verdict, asked: Asked): MaybePromise<Verdict> => {
    const { principal } = verdict;
    if (principal === undefined) return verdict;
    // What the decision was given by the lookups comes back as it was.
    const facts = principal as TokenFacts;
    if (verdict.valid && isLeased(facts)) return leasedVerdict(facts, asked, leasing);
    // The server counts those that it judges.
    if (verdict.valid && isCounted(facts)) return counted(facts, asked);
    // Tokens of another issuer are unknown to the server.
    if (facts.clockSkewMs === undefined) usage.count(verdict.valid, facts);
    return verdict;
  };

  const counted = (facts: TokenFacts, asked: Asked): Promise<Verdict> =>
    askedVerdict(facts, asked, calls).catch((error: unknown) => fault(error, ports));

  const leasing: LeasedParts = { leases, ports, exact: counted, record: usage.count };

  const judge = (credential: Credential, asked: Asked): MaybePromise<Verdict> => {
    const verdict = decide(credential, asked, ports);
    // Not chained: a verdict from memory is made without a closure.
    return verdict instanceof Promise ? verdict.then((later) => judged(later, asked)) : judged(verdict, asked);
  };

  const uncounted = unspent(ports);
  /** Nothing is counted, here or at the server. */
  const judgeAgain = (presented: Presented, { requirement = own, circumstances }: AskedOfVerifier) =>
    isClosed
      ? deny('fault', { detail: CLOSED })
      : judgePresented(presented, requirement, { circumstances, ports: uncounted });

  feed.start();
  reporting.start();

  return {
    id,
    requirement: own,
    verify(presented, { requirement = own, circumstances }) {
      if (isClosed) return deny('fault', { detail: CLOSED });
      const present = presence(presented);
      if (present.outcome === 'empty') return deny('missing', { detail: 'the credential is empty' });
      if (present.outcome !== 'present') return deny(present.outcome);
      if (isCountedHere(requirement)) return fault(new Error('limits of a requirement are not counted here'), ports);
      const asked: Asked = { requirement, circumstances };
      // Which texts are imported tokens is known once the server has answered anything.
      if (imports.isKnown()) return judge(present.credential, asked);
      return lookUps
        .begin()
        .catch(onError)
        .then(() => judge(present.credential, asked));
    },
    follow: (call) => live.follow(followed(call, own, () => judgeAgain(call.presented, call.asked))),
    ready: () => isReady.promise,
    metrics() {
      const { hit, miss, absent: absentHits, recheck, stale } = tokens.counts();
      return {
        hits: hit,
        misses: miss,
        absent: absentHits,
        rechecks: recheck,
        servedStale: stale,
        lookups: lookUps.calls(),
        cached: kept.size(),
        cachedAbsent: absent.size(),
        leasedLimits: leases.size(),
        lagSeconds: news.ageMs() / 1000,
        stalenessBoundSeconds: stalenessMs / 1000,
        usageWaiting: usage.waiting(),
        usageLost: usage.lost(),
        liveCalls: live.count(),
        cutCalls,
      };
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      live.changed('missed');
      feed.stop();
      await reporting.stop(timeoutMs);
      calls.close();
      tokens.forget();
      leases.forget();
    },
  };
}

/** Passes everything: whoever has limits, quotas or credits is counted right after, by a share or by the server, before anybody hears of it. */
const countedByServer: Limiter & Quotas = { take: () => UNLIMITED };

function isCountedHere({ limits, quotas, concurrency, shadow }: Requirement): boolean {
  return limits.length > 0 || quotas.length > 0 || concurrency.length > 0 || shadow !== undefined;
}
