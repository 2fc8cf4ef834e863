/** What several threads measured is told as one page: counts add up, and those of the dead stay. */
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observe/metrics.ts';
import { countsOf, type Snapshot } from '../../src/observe/snapshot.ts';

function aThread({ lag = 0, buffered = 0 } = {}) {
  return createMetrics({
    version: '1.0.0',
    nodeVersion: 'v24.0.0',
    stalenessBoundSeconds: 5,
    feedLagSeconds: () => lag,
    usageBufferedEvents: () => buffered,
    liveCalls: () => 0,
  });
}

/** As it arrives in another thread. */
async function sent(thread: ReturnType<typeof aThread>): Promise<Snapshot> {
  return structuredClone(await thread.snapshot());
}

function value(page: string, series: string): number {
  const lines = page.split('\n').filter((line) => line.startsWith(`${series} `));
  expect(lines, series).toHaveLength(1);
  return Number(lines[0]?.slice(series.length + 1));
}

describe('snapshots of several threads', () => {
  it('add up as counts and durations, and tell the worst of what cannot be added', async () => {
    const [one, two] = [aThread({ lag: 0.5, buffered: 3 }), aThread({ lag: 2, buffered: 4 })];
    one.verification('verify', 'ok');
    two.verification('verify', 'ok');
    two.verification('verify', 'ok');
    one.route('/v1/verify').request('POST', 200, 0.002);
    two.route('/v1/verify').request('POST', 200, 0.3);
    two.configReloaded(false);
    for (const thread of [one, two]) thread.policies.shadowRoutes(1);
    const page = await aThread().exposition([await sent(one), await sent(two)]);
    expect(value(page, 'tessera_verifications_total{door="verify",result="ok"}')).toBe(3);
    expect(value(page, 'tessera_feed_lag_seconds')).toBe(2);
    expect(value(page, 'tessera_usage_buffered_events')).toBe(7);
    expect(value(page, 'tessera_staleness_bound_seconds')).toBe(5);
    expect(value(page, 'tessera_build_info{version="1.0.0",node="v24.0.0"}')).toBe(1);
    expect(value(page, 'tessera_config_last_reload_successful')).toBe(0);
    expect(value(page, 'tessera_shadow_routes')).toBe(1);
    const series = 'http_server_request_duration_seconds';
    const labels = 'http_request_method="POST",http_route="/v1/verify",http_response_status_code="200"';
    expect(value(page, `${series}_count{${labels}}`)).toBe(2);
    expect(page).toContain(`${series}_bucket{${labels},le="0.0025"} 1\n`);
    // Once for the process, and the lag of the event loop of those that serve.
    expect(page.match(/^process_resident_memory_bytes /gm)).toHaveLength(1);
    expect(page.match(/^nodejs_eventloop_lag_mean_seconds /gm)).toHaveLength(1);
  });

  it('keep the counts of the dead, and not where they stood', async () => {
    const [one, two, third] = [aThread({ buffered: 3 }), aThread({ buffered: 4 }), aThread({ buffered: 5 })];
    for (const thread of [one, two, third]) thread.verification('gateway', 'revoked');
    one.verifyDuration('gateway', 0.002);
    const gone = await countsOf([await countsOf([await sent(one)]), await sent(two)]);
    const page = await aThread().exposition([gone, await sent(third)]);
    expect(value(page, 'tessera_verifications_total{door="gateway",result="revoked"}')).toBe(3);
    expect(value(page, 'tessera_verify_duration_seconds_count{door="gateway"}')).toBe(1);
    expect(value(page, 'tessera_usage_buffered_events')).toBe(5);
  });
});
