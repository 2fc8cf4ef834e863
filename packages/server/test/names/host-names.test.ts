/** Host names in address lists: looked up behind the requests, kept while the resolver fails, and in doubt nobody passes. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namedAddressRule, UnresolvedNameError } from '../../src/core/named-addresses.ts';
import { type FollowedNames, hostNames, type LookupBounds } from '../../src/names/host-names.ts';
import { type NameServer, nameServer } from './support/name-server.ts';

let server: NameServer;
let resolver: NameServer['resolver'];
let names: FollowedNames | undefined;
let now = 0;
const heard: string[] = [];

beforeEach(async () => {
  server = await nameServer();
  resolver = server.resolver;
  now = 0;
  heard.length = 0;
});
afterEach(async () => {
  names?.stop();
  await server.close();
});

const follow = async (wanted: readonly string[], bounds: Partial<LookupBounds> = {}): Promise<FollowedNames> => {
  names = hostNames({
    resolver: {
      resolve4: (name, options) => resolver.resolve4(name, options),
      resolve6: (name, options) => resolver.resolve6(name, options),
    },
    monotonic: () => now,
    onFailure: (name, error) => heard.push(`failed ${name}: ${error instanceof Error ? error.message : String(error)}`),
    onRecovery: (name) => heard.push(`recovered ${name}`),
    onLookup: (outcome) => heard.push(outcome),
    bounds: { shortestMs: 20, retryMs: 20, ...bounds },
  });
  await names.follow(wanted);
  return names;
};

const until = (condition: () => boolean): Promise<void> =>
  expect.poll(condition, { timeout: 10_000, interval: 5 }).toBe(true);

describe('a name', () => {
  it('has the addresses of both families, in one order', async () => {
    server.zones.set('office.test', { addresses: ['192.0.2.9', '192.0.2.1', '2001:db8::1'] });
    const { addressesOf, unresolved } = await follow(['office.test']);
    expect(addressesOf('office.test')).toEqual(['192.0.2.1', '192.0.2.9', '2001:db8::1']);
    expect(server.asked.sort()).toEqual(['office.test A', 'office.test AAAA']);
    expect([unresolved(), heard]).toEqual([0, ['answered']]);
  });

  it('is asked for again after its TTL, and a change is noticed', async () => {
    server.zones.set('office.test', { addresses: ['192.0.2.1'], ttl: 0 });
    const { addressesOf, version } = await follow(['office.test']);
    const before = version();
    await until(() => server.asked.length >= 6);
    expect(version()).toBe(before);
    server.zones.set('office.test', { addresses: ['192.0.2.2'] });
    await until(() => addressesOf('office.test')?.[0] === '192.0.2.2');
    expect(version()).toBeGreaterThan(before);
  });

  it('is not asked for more often than the shortest time, nor later than the longest', async () => {
    server.zones.set('a.test', { addresses: ['192.0.2.1'], ttl: 0 });
    await follow(['a.test'], { shortestMs: 60_000 });
    await delay(50);
    expect(server.asked).toHaveLength(2);
    names?.stop();
    server.zones.set('b.test', { addresses: ['192.0.2.1'], ttl: 86_400 });
    await follow(['b.test'], { longestMs: 30 });
    await until(() => server.asked.length >= 6);
  });

  it.each<['fails' | 'silent' | undefined, RegExp]>([
    ['fails', /^failed a\.test: .*ESERVFAIL/],
    ['silent', /^failed a\.test: .*ETIMEOUT/],
    [undefined, /^failed a\.test: a\.test has no address$/],
  ])('keeps its addresses while its server %s, for as long as the bound', async (trouble, message) => {
    server.zones.set('a.test', { addresses: ['192.0.2.1'] });
    const { addressesOf, unresolved } = await follow(['a.test'], { longestMs: 20, keptMs: 1000 });
    if (trouble === undefined) server.zones.delete('a.test');
    else server.zones.set('a.test', trouble);
    if (trouble === 'silent') resolver = server.impatient;
    await until(() => heard.filter((one) => one === 'failed').length >= 2);
    expect(addressesOf('a.test')).toEqual(['192.0.2.1']);
    // Told once, not with every try.
    expect(heard.filter((one) => one.startsWith('failed a.test'))).toEqual([expect.stringMatching(message)]);
    now = 1001;
    await until(() => addressesOf('a.test') === undefined);
    expect(unresolved()).toBe(1);
    server.zones.set('a.test', { addresses: ['192.0.2.2'] });
    resolver = server.resolver;
    await until(() => addressesOf('a.test') !== undefined);
    expect(heard.filter((one) => one.startsWith('recovered'))).toEqual(['recovered a.test']);
  });

  it('is not half known: where one family fails, the answer is none', async () => {
    const failing = {
      resolve4: server.resolver.resolve4.bind(server.resolver),
      resolve6: () => Promise.reject(new Error('no')),
    };
    server.zones.set('a.test', { addresses: ['192.0.2.1'] });
    names = hostNames({
      resolver: failing,
      monotonic: () => now,
      onFailure: () => {},
      onRecovery: () => {},
      onLookup: () => {},
    });
    await names.follow(['a.test']);
    expect(names.addressesOf('a.test')).toBeUndefined();
  });

  it('that nobody names any more is forgotten, and not asked for', async () => {
    server.zones.set('a.test', { addresses: ['192.0.2.1'], ttl: 0 });
    server.zones.set('b.test', { addresses: ['192.0.2.2'] });
    const { addressesOf } = await follow(['a.test'], { shortestMs: 50 });
    await names?.follow(['b.test']);
    expect([addressesOf('a.test'), addressesOf('b.test')]).toEqual([undefined, ['192.0.2.2']]);
    const asked = server.asked.length;
    await delay(150);
    expect(server.asked.slice(asked).filter((one) => one.startsWith('a.'))).toEqual([]);
  });
});

describe('a rule with names', () => {
  const rule = (lists: { allow?: string[]; deny?: string[] }) => {
    if (names === undefined) throw new Error('no names are followed');
    return namedAddressRule('route a', lists, names);
  };

  it('admits the addresses of a name and the ranges beside it, nothing else', async () => {
    server.zones.set('office.test', { addresses: ['192.0.2.1', '2001:db8::1'] });
    await follow(['office.test']);
    const { refuses } = rule({ allow: ['office.test', '10.0.0.0/8'], deny: ['10.9.0.0/16'] });
    for (const address of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', '10.1.1.1'])
      expect(refuses(address), address).toBeUndefined();
    expect(refuses('192.0.2.2')).toBe('route a: the client address is not in the allowed ranges');
    expect(refuses('10.9.1.1')).toBe('route a: the client address is denied');
    expect(refuses(undefined)).toBe('route a: the client address is unknown');
    expect(refuses('office.test')).toBe('route a: the client address is unknown');
  });

  it('follows a change', async () => {
    server.zones.set('office.test', { addresses: ['192.0.2.1'], ttl: 0 });
    await follow(['office.test']);
    const { refuses } = rule({ allow: ['office.test'] });
    expect(refuses('192.0.2.1')).toBeUndefined();
    server.zones.set('office.test', { addresses: ['192.0.2.2'], ttl: 0 });
    await until(() => refuses('192.0.2.2') === undefined);
    expect(refuses('192.0.2.1')).toBe('route a: the client address is not in the allowed ranges');
  });

  it('does not know what a name that has no answer would allow or deny: that is a fault, not a yes', async () => {
    await follow(['away.test']);
    const allow = rule({ allow: ['away.test', '10.0.0.0/8'] });
    expect(allow.refuses('10.1.1.1')).toBeUndefined();
    expect(() => allow.refuses('192.0.2.1')).toThrow(new UnresolvedNameError('route a', 'away.test'));
    expect(() => rule({ allow: ['away.test'] }).refuses('192.0.2.1')).toThrow(
      'route a: the addresses of away.test are not known',
    );
    const deny = rule({ deny: ['away.test', '10.9.0.0/16'] });
    expect(deny.refuses('10.9.1.1')).toBe('route a: the client address is denied');
    expect(() => deny.refuses('192.0.2.1')).toThrow(UnresolvedNameError);
    expect(() => rule({ allow: ['192.0.2.1'], deny: ['away.test'] }).refuses('192.0.2.1')).toThrow(UnresolvedNameError);
  });
});
