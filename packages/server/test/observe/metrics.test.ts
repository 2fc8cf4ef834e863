/** The metrics page tells what happened, and no label ever tells to whom. */
import { denialCodes, shadowPolicies } from '@tessera/verify';
import { describe, expect, it } from 'vitest';
import { createMetrics, doors, type Metrics } from '../../src/observe/metrics.ts';

function metricsOf(parts: { readonly ofProcess?: boolean; readonly feedLagSeconds?: () => number } = {}): Metrics {
  return createMetrics({
    version: '0.1.0',
    nodeVersion: '24.11.0',
    stalenessBoundSeconds: 5,
    feedLagSeconds: () => 0.25,
    feedSource: () => 'notify',
    usageBufferedEvents: () => 7,
    liveCalls: () => 3,
    ofProcess: false,
    ...parts,
  });
}

async function linesOf(metrics: Metrics): Promise<readonly string[]> {
  return (await metrics.exposition()).split('\n');
}

describe('the metrics page', () => {
  it('counts verdicts by door and code', async () => {
    const metrics = metricsOf();
    metrics.verification('gateway', 'ok');
    metrics.verification('gateway', 'ok');
    metrics.verification('verify', 'insufficient_scope');
    const lines = await linesOf(metrics);
    expect(lines).toContain('# TYPE tessera_verifications_total counter');
    expect(lines).toContain('tessera_verifications_total{door="gateway",result="ok"} 2');
    expect(lines).toContain('tessera_verifications_total{door="verify",result="insufficient_scope"} 1');
    expect(lines).toContain('tessera_verifications_total{door="api",result="fault"} 0');
  });

  it('sorts durations into cumulative buckets, bounds included', async () => {
    const metrics = metricsOf();
    for (const seconds of [0.00001, 0.00002, 0.0005, 3]) metrics.verifyDuration('gateway', seconds);
    const lines = (await linesOf(metrics)).filter((line) =>
      /^tessera_verify_duration_seconds_\w+\{.*gateway/.test(line),
    );
    expect(lines.map((line) => line.replace('tessera_verify_duration_seconds', ''))).toEqual([
      '_bucket{door="gateway",le="0.00001"} 1',
      '_bucket{door="gateway",le="0.000025"} 2',
      '_bucket{door="gateway",le="0.00005"} 2',
      '_bucket{door="gateway",le="0.0001"} 2',
      '_bucket{door="gateway",le="0.00025"} 2',
      '_bucket{door="gateway",le="0.0005"} 3',
      '_bucket{door="gateway",le="0.001"} 3',
      '_bucket{door="gateway",le="0.0025"} 3',
      '_bucket{door="gateway",le="0.01"} 3',
      '_bucket{door="gateway",le="0.1"} 3',
      '_bucket{door="gateway",le="1"} 3',
      '_bucket{door="gateway",le="+Inf"} 4',
      `_sum{door="gateway"} ${0.00001 + 0.00002 + 0.0005 + 3}`,
      '_count{door="gateway"} 4',
    ]);
  });

  it('tells of upstreams: how soon they answer, how often they fail, and which targets take requests', async () => {
    const metrics = metricsOf();
    const orders = metrics.upstreams.of('orders');
    orders.request(200, 0.02);
    orders.request(204, 3);
    orders.request(503, 0.001);
    orders.request(undefined, 5);
    orders.retried();
    orders.ejected();
    metrics.upstreams.of('other');
    metrics.upstreams.follow(() => [
      { upstream: 'orders', target: 'http://a.test', healthy: true },
      { upstream: 'orders', target: 'http://b.test', healthy: false },
    ]);
    const lines = (await linesOf(metrics)).filter((line) => line.startsWith('tessera_upstream_'));
    expect(lines.filter((line) => /_count|le="(?:0.025|5)"/.test(line))).toEqual(
      [
        '_bucket{upstream="orders",code_class="2xx",le="0.025"} 1',
        '_bucket{upstream="orders",code_class="2xx",le="5"} 2',
        '_count{upstream="orders",code_class="2xx"} 2',
        '_bucket{upstream="orders",code_class="5xx",le="0.025"} 1',
        '_bucket{upstream="orders",code_class="5xx",le="5"} 1',
        '_count{upstream="orders",code_class="5xx"} 1',
        '_bucket{upstream="orders",code_class="none",le="0.025"} 0',
        '_bucket{upstream="orders",code_class="none",le="5"} 1',
        '_count{upstream="orders",code_class="none"} 1',
      ].map((line) => `tessera_upstream_request_duration_seconds${line}`),
    );
    expect(lines).toContain('tessera_upstream_retries_total{upstream="orders"} 1');
    expect(lines).toContain('tessera_upstream_ejections_total{upstream="orders"} 1');
    expect(lines).toContain('tessera_upstream_ejections_total{upstream="other"} 0');
    expect(lines).toContain('tessera_upstream_healthy{upstream="orders",target="http://a.test"} 1');
    expect(lines).toContain('tessera_upstream_healthy{upstream="orders",target="http://b.test"} 0');
  });

  it('tells what else happened, and how things stand', async () => {
    const metrics = metricsOf();
    metrics.cacheRequest('stale');
    metrics.rateLimitDecision('refused');
    metrics.failedCredential('blocked');
    metrics.preflight(true);
    metrics.preflight(false);
    metrics.preflight(false);
    metrics.transport.connectionRefused();
    metrics.minted('api_key');
    metrics.revoked();
    for (let times = 0; times < 3; times += 1) metrics.revoked();
    for (let times = 0; times < 2; times += 1) metrics.audited();
    metrics.configReloaded(false);
    metrics.policies.shadowRefusal('gateway', 'limits', 'rate_limited');
    metrics.policies.shadowRefusal('gateway', 'limits', 'rate_limited');
    metrics.policies.policyFault('quotas', 'open');
    metrics.policies.refund('lost');
    metrics.policies.shadowRoutes(2);
    metrics.route('/v1/tokens/{id}').request('GET', 200, 0.003);
    const lines = await linesOf(metrics);
    for (const line of [
      'tessera_verify_cache_requests_total{outcome="stale"} 1',
      'tessera_ratelimit_decisions_total{decision="refused"} 1',
      'tessera_failed_credentials_total{outcome="blocked"} 1',
      'tessera_connections_refused_total 1',
      'tessera_preflights_total{outcome="permitted"} 1',
      'tessera_preflights_total{outcome="refused"} 2',
      'tessera_tokens_minted_total{kind="api_key"} 1',
      'tessera_tokens_revoked_total 4',
      'tessera_audit_events_total 2',
      'tessera_feed_lag_seconds 0.25',
      'tessera_staleness_bound_seconds 5',
      'tessera_feed_source{source="notify"} 1',
      'tessera_feed_source{source="poll"} 0',
      'tessera_usage_buffered_events 7',
      'tessera_config_last_reload_successful 0',
      'tessera_shadow_refusals_total{door="gateway",policy="limits",result="rate_limited"} 2',
      'tessera_policy_faults_total{policy="quotas",mode="open"} 1',
      'tessera_policy_faults_total{policy="quotas",mode="closed"} 0',
      'tessera_quota_refunds_total{outcome="lost"} 1',
      'tessera_shadow_routes 2',
      'tessera_build_info{version="0.1.0",node="24.11.0"} 1',
      'http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/v1/tokens/{id}",http_response_status_code="200",le="0.005"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('says NaN where a part cannot tell, and still tells the rest', async () => {
    const metrics = metricsOf({
      feedLagSeconds: () => {
        throw new Error('the feed is not there yet');
      },
    });
    metrics.revoked();
    const lines = await linesOf(metrics);
    expect(lines).toContain('tessera_feed_lag_seconds Nan');
    expect(lines).toContain('tessera_tokens_revoked_total 1');
  });

  it('adds the process and the runtime, and keeps every instance apart', async () => {
    const [one, other] = [metricsOf({ ofProcess: true }), metricsOf()];
    one.revoked();
    expect(await linesOf(one)).toContain('tessera_tokens_revoked_total 1');
    expect(await linesOf(other)).toContain('tessera_tokens_revoked_total 0');
    expect(await one.exposition()).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(await one.exposition()).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(await other.exposition()).not.toContain('nodejs_');
    expect(one.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  });

  it('is one line of HELP and TYPE for each metric, each sample once', async () => {
    const metrics = metricsOf({ ofProcess: true });
    metrics.route('a').request('GET', 200, 1);
    const lines = (await linesOf(metrics)).filter((line) => line !== '');
    const names = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
    expect(new Set(names).size).toBe(names.length);
    const samples = lines.filter((line) => !line.startsWith('#'));
    const keys = samples.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(keys).size).toBe(keys.length);
    for (const sample of samples) expect(sample).toMatch(/^[a-z_][a-z0-9_]*(\{([a-z_]+="[^"\n]*",?)+\})? \S+$/i);
  });
});

describe('labels', () => {
  it('are from closed sets, whatever was asked', async () => {
    const metrics = metricsOf({ ofProcess: true });
    for (const door of doors) {
      for (const code of ['ok', ...denialCodes] as const) metrics.verification(door, code);
      for (const policy of shadowPolicies)
        for (const code of denialCodes) metrics.policies.shadowRefusal(door, policy, code);
    }
    metrics.minted('tsr_live_0000');
    metrics.minted('constructor');
    metrics.custody.alarm('keys');
    metrics.custody.alarm('issuers');
    metrics.custody.alarm('constructor');
    const route = metrics.route('orders');
    for (const method of ['GET', 'tsr_live_0000', '192.0.2.7', 'constructor', 'BREW']) route.request(method, 200, 0.01);
    metrics.upstreams.of('orders').request(999, 0.01);
    metrics.upstreams.follow(() => [{ upstream: 'orders', target: 'http://a.test', healthy: true }]);
    const labels = labelsOf(await metrics.exposition());
    expect(labels.get('upstream')).toEqual(new Set(['orders']));
    expect(labels.get('target')).toEqual(new Set(['http://a.test']));
    expect(labels.get('code_class')).toEqual(new Set(['5xx']));
    expect(labels.get('reason')).toEqual(
      new Set(['certificate_missing', 'certificate_invalid', 'timeout', 'aborted', 'protocol']),
    );
    // The doors that judge, and the listener that a credential may come to in clear.
    expect(labels.get('door')).toEqual(new Set([...doors, 'platform']));
    // Faults are counted by the policies that count.
    expect(labels.get('policy')).toEqual(new Set(shadowPolicies));
    expect(labels.get('mode')).toEqual(new Set(['closed', 'open', 'local']));
    expect(labels.get('result')).toEqual(new Set(['ok', ...denialCodes]));
    expect(labels.get('outcome')).toEqual(
      new Set([
        'answered',
        'failed',
        'fetched',
        'hit',
        'miss',
        'stale',
        'counted',
        'blocked',
        'given',
        'lost',
        'permitted',
        'refused',
      ]),
    );
    expect(labels.get('table')).toEqual(new Set(['keys', 'issuers', 'other']));
    expect(labels.get('decision')).toEqual(new Set(['allowed', 'refused']));
    expect(labels.get('http_request_method')).toEqual(new Set(['GET', '_OTHER']));
    expect(labels.get('http_route')).toEqual(new Set(['orders']));
    expect(labels.get('http_response_status_code')).toEqual(new Set(['200']));
    const kinds = ['api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session', 'other'];
    // The runtime has a label of this name too: kinds of garbage collection.
    expect(
      [...(labels.get('kind') ?? [])].filter((kind) => !['minor', 'major', 'incremental', 'weakcb'].includes(kind)),
    ).toEqual(kinds);
    expect(await metrics.exposition()).toContain('tessera_tokens_minted_total{kind="other"} 2');
    expect(await metrics.exposition()).toContain('tessera_custody_alarms_total{table="other"} 1');
    expect([...labels.keys()].toSorted()).toEqual(
      [
        'code_class',
        'decision',
        'door',
        'http_request_method',
        'http_response_status_code',
        'http_route',
        'kind',
        'le',
        'major',
        'minor',
        'mode',
        'node',
        'outcome',
        'patch',
        'policy',
        'reason',
        'result',
        'source',
        'space',
        'table',
        'target',
        'type',
        'upstream',
        'version',
      ].filter((name) => labels.has(name)),
    );
  });

  it('of routes are bounded, however often the configuration changes', async () => {
    const metrics = metricsOf();
    for (let reload = 0; reload < 3000; reload += 1) metrics.route(`route-${reload}`).request('GET', 200, 0.01);
    const routes = labelsOf(await metrics.exposition()).get('http_route');
    expect(routes?.size).toBe(1001);
    expect(await metrics.exposition()).toContain(
      'http_server_request_duration_seconds_count{http_request_method="GET",http_route="_OTHER",http_response_status_code="200"} 2000',
    );
    expect(metrics.route('route-5')).toBe(metrics.route('route-5'));
  });
});

function labelsOf(page: string): ReadonlyMap<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  for (const [, name = '', value = ''] of page.matchAll(/([a-z_]+)="([^"]*)"/g)) {
    labels.set(name, (labels.get(name) ?? new Set()).add(value));
  }
  return labels;
}
