/** Failures in a row take a target out of service; one request finds out whether it is back; it comes back slowly. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Target } from '../../src/gateway/upstreams/target.ts';
import type { Upstream } from '../../src/gateway/upstreams/upstream.ts';
import { type TestGateway, testGateway } from './support/gateway.ts';
import { OK, recordingUpstream } from './support/recording-upstream.ts';
import { bench, given, tally, targets, turns } from './support/upstream-of.ts';

const end = (target: Target, outcome: 'good' | 'failed' | 'unreachable' | 'none', status?: number): void =>
  target.settle(outcome, target.term, status);
const fail = (upstream: Upstream, outcome: 'failed' | 'unreachable', times: number): void => {
  for (let at = 0; at < times; at += 1) end(given(upstream), outcome);
};

describe('a target goes out of service', () => {
  it('after so many failures in a row, and not before: a good answer starts the row again', () => {
    const on = bench();
    const upstream = on.configure({ targets: targets('a'), eject: { failures: 3 } });
    fail(upstream, 'unreachable', 2);
    end(given(upstream), 'good', 200);
    fail(upstream, 'unreachable', 2);
    end(given(upstream), 'none');
    expect(on.changes).toEqual([]);
    fail(upstream, 'unreachable', 1);
    expect(on.changes).toEqual(['a out']);
    expect(upstream.pick()).toEqual({ none: 'unavailable', retryAfterSeconds: 1 });
  });

  it.each([
    [502, ['a out']],
    [504, ['a out']],
    [500, []],
    [404, []],
  ])('by answers with status %i: %j', (status, changes) => {
    const on = bench();
    const upstream = on.configure({ targets: targets('ab'), eject: { failures: 2 } });
    for (const _ of [1, 2, 3]) {
      const [a, b] = [given(upstream), given(upstream)].sort((one, two) => one.url.localeCompare(two.url));
      if (a?.url === 'http://a.invalid') end(a, 'good', status);
      if (b?.url === 'http://b.invalid') end(b, 'good', 200);
    }
    expect(on.changes).toEqual(changes);
  });

  it('by its answers only as long as enough others are in service: what one caller provokes is no outage', () => {
    const on = bench();
    const upstream = on.configure({ targets: targets('abc'), eject: { failures: 2, maxShare: 50 } });
    for (let at = 0; at < 60; at += 1) end(given(upstream), 'failed');
    expect(on.changes).toHaveLength(1);
    const single = on.configure({ targets: targets('d') });
    fail(single, 'failed', 50);
    expect(on.changes).toHaveLength(1);
    const breaking = on.configure({ targets: targets('e'), eject: { maxShare: 100 } });
    fail(breaking, 'failed', 5);
    expect(on.changes.at(-1)).toBe('e out');
  });

  it('where nobody can reach it, whatever its share', () => {
    const on = bench();
    const upstream = on.configure({ targets: targets('ab'), eject: { failures: 2, maxShare: 0 } });
    fail(upstream, 'unreachable', 4);
    expect(on.changes).toEqual(['a out', 'b out']);
    expect(upstream.pick()).toEqual({ none: 'unavailable', retryAfterSeconds: 1 });
  });

  it('never, where that is configured', () => {
    const on = bench();
    const upstream = on.configure({ targets: targets('a'), eject: false });
    fail(upstream, 'unreachable', 50);
    expect(on.changes).toEqual([]);
  });
});

describe('a target that is out of service', () => {
  const outOfService = (failures = 1) => {
    const on = bench();
    const eject = { failures, for: 2, longest: 6, ramp: 10 };
    const upstream = on.configure({ targets: targets('a'), eject });
    fail(upstream, 'unreachable', failures);
    return { on, upstream, eject };
  };

  it('gets one request after a while, and no other until that has ended', () => {
    const { on, upstream } = outOfService();
    on.now = 1_999;
    expect(upstream.pick()).toEqual({ none: 'unavailable', retryAfterSeconds: 1 });
    on.now = 2_000;
    const trial = given(upstream);
    expect(upstream.pick()).toEqual({ none: 'unavailable', retryAfterSeconds: 1 });
    trial.answering(200, trial.term);
    expect(on.changes).toEqual(['a out', 'a in']);
    given(upstream);
    given(upstream);
  });

  it('stays out twice as long after each trial that fails, up to the longest', () => {
    const { on, upstream } = outOfService();
    const waits = [2, 4, 6, 6].map((seconds) => {
      const told = upstream.pick();
      on.now += seconds * 1000 - 1;
      expect(upstream.pick()).toMatchObject({ none: 'unavailable' });
      on.now += 1;
      end(given(upstream), 'unreachable');
      return 'none' in told && told.retryAfterSeconds;
    });
    expect(waits).toEqual([2, 4, 6, 6]);
    expect(on.changes).toEqual(['a out']);
  });

  it('is tried by the next request where the first one told nothing', () => {
    const { on, upstream } = outOfService();
    on.now = 2_000;
    end(given(upstream), 'none');
    const second = given(upstream);
    end(second, 'unreachable');
    expect(upstream.pick()).toEqual({ none: 'unavailable', retryAfterSeconds: 4 });
  });

  it('neither comes back nor stays away by the end of what was sent before it went', () => {
    const on = bench();
    const upstream = on.configure({ targets: targets('a'), eject: { failures: 1, for: 2 } });
    const [early, late] = [given(upstream), given(upstream), given(upstream)];
    const { term } = early;
    end(late, 'unreachable');
    on.now = 2_000;
    const trial = given(upstream);
    early.answering(200, term);
    early.settle('good', term, 200);
    expect(on.changes).toEqual(['a out']);
    early.settle('unreachable', term);
    trial.answering(200, trial.term);
    expect(on.changes).toEqual(['a out', 'a in']);
  });

  it('is in service again with a bad answer where there is nobody better', () => {
    const { on, upstream } = outOfService();
    on.now = 2_000;
    const trial = given(upstream);
    trial.answering(503, trial.term);
    end(trial, 'good', 503);
    expect(on.changes).toEqual(['a out', 'a in']);
  });

  it('stays so over a reload, and so do the requests it has; without ejection it is back', () => {
    const { on, upstream, eject } = outOfService(2);
    const again = on.configure({ targets: targets('ab'), eject });
    expect(turns(again, 3)).toBe('bbb');
    on.now = 2_000;
    const trial = given(again);
    expect(trial).toBe(upstream.targets[0]);
    const third = on.configure({ targets: targets('ab'), eject });
    expect(third.targets.map(({ pending }) => pending)).toEqual([1, 0]);
    const fourth = on.configure({ targets: targets('ab'), eject: false });
    expect(turns(fourth, 4)).toBe('abab');
  });

  it('comes back slowly: a tenth of its weight at first, all of it after the ramp', () => {
    const on = bench();
    const upstream = on.configure({ targets: targets('ab'), eject: { failures: 1, for: 1, ramp: 10 } });
    end(given(upstream), 'unreachable');
    on.now = 1_000;
    const trial = given(upstream);
    trial.answering(200, trial.term);
    end(trial, 'good', 200);
    const shareOfA = (): number => (tally(turns(upstream, 1100)).a ?? 0) / 1100;
    // A turn more or less, from before it went.
    expect(shareOfA()).toBeCloseTo(0.1 / 1.1, 2);
    on.now = 6_000;
    expect(shareOfA()).toBeCloseTo(0.5 / 1.5, 2);
    on.now = 11_000;
    expect(shareOfA()).toBeCloseTo(0.5, 2);
  });
});

describe('a dead target, behind the gateway', () => {
  let gateway: TestGateway;
  afterEach(() => gateway.close());

  it('is one that refuses connections: one that takes requests and breaks them goes on being asked', async () => {
    gateway = await testGateway();
    gateway.upstream.answer = (_request, socket) => void socket.resetAndDestroy();
    for (let at = 0; at < 8; at += 1) expect((await gateway.get('/')).status).toBe(502);
    gateway.upstream.answer = OK;
    expect((await gateway.get('/')).status).toBe(200);
  });

  it('costs one connection a trial and other routes nothing, and serves again when it is back', async () => {
    const dead = await recordingUpstream();
    const port = Number(dead.authority.split(':')[1]);
    await dead.close();
    const changes: boolean[] = [];
    const time = { now: 0 };
    gateway = await testGateway({
      routes: (url) => [
        { name: 'dead', match: { path: '/dead/*' }, upstream: { targets: [{ url: dead.origin }] } },
        { name: 'alive', match: { path: '/*' }, upstream: { targets: [{ url }] } },
      ],
      upstreamOptions: {
        now: () => time.now,
        events: { serviceChanged: ({ inService }) => changes.push(inService), healthChanged() {} },
      },
    });
    const statuses = async (path: string, times: number): Promise<number[]> => {
      const all: number[] = [];
      for (let at = 0; at < times; at += 1) all.push((await gateway.get(path)).status);
      return all;
    };
    expect(await statuses('/dead/a', 7)).toEqual([502, 502, 502, 502, 502, 503, 503]);
    const { head, body } = await gateway.get('/dead/a');
    expect(JSON.parse(body)).toMatchObject({
      code: 'upstream_unavailable',
      title: 'The upstream is out of service',
    });
    expect(head).toContain('\r\nRetry-After: 1\r\n');
    expect(await statuses('/alive', 3)).toEqual([200, 200, 200]);
    expect(gateway.upstreamFaults).toHaveLength(5);
    time.now = 1_000;
    expect(await statuses('/dead/a', 2)).toEqual([502, 503]);

    const back = createServer((socket) => socket.on('data', () => OK('', socket)));
    await new Promise<void>((resolve) => back.listen(port, '127.0.0.1', resolve));
    expect(await statuses('/dead/a', 1)).toEqual([503]);
    time.now = 3_000;
    expect(await statuses('/dead/a', 2)).toEqual([200, 200]);
    expect(changes).toEqual([false, true]);
    back.close();
  });
});
