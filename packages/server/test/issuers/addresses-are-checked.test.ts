/** Issuers are asked at addresses that anybody could reach, and at no other: whatever spells, resolves to or redirects to one. */
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import { startIssuer, type TestIssuer } from '../../../../test/support/issuer.ts';
import { createOutbound, type Outbound, type OutboundOptions } from '../../src/issuers/outbound.ts';
import { refusedAddresses } from '../../src/issuers/refused-addresses.ts';

const authority = certificates();
let issuer: TestIssuer;
let listener: Server;
let connections = 0;
const open: Outbound[] = [];

beforeAll(async () => {
  issuer = await startIssuer(authority);
  listener = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
});
afterEach(async () => {
  issuer.mood = 'fine';
  issuer.asked.length = 0;
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(async () => {
  await issuer.close();
  listener.close();
  authority.remove();
});

function outbound(over: Partial<OutboundOptions> = {}): Outbound {
  const made = createOutbound({ isRefused: refusedAddresses([]), ca: [authority.certificatePem], ...over });
  open.push(made);
  return made;
}

const allowed = { isRefused: refusedAddresses(['127.0.0.0/8', '::1']) };
const causes = (error: unknown): string =>
  error instanceof Error ? `${error.message} ${error.cause === undefined ? '' : causes(error.cause)}` : String(error);
const failureOf = (asked: Promise<unknown>): Promise<string> => asked.then(() => 'answered', causes);

test.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '2001::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'no address',
])('%s is refused', (address) => {
  expect(refusedAddresses([])(address)).toBe(true);
});

test.each(['1.1.1.1', '100.63.255.255', '172.32.0.1', '192.169.0.1', '2606:4700::1111', '2a00:1450::1'])(
  '%s is not refused',
  (address) => {
    expect(refusedAddresses([])(address)).toBe(false);
  },
);

test('what a range allows is not refused, and nothing beside it', () => {
  const isRefused = refusedAddresses(['10.96.0.0/12', 'fd00::/8']);
  expect(['10.96.0.1', '::ffff:10.96.0.1', 'fd12::1', '1.1.1.1'].map(isRefused)).toEqual([false, false, false, false]);
  expect(['10.0.0.1', '127.0.0.1', '::1', 'fe80::1'].map(isRefused)).toEqual([true, true, true, true]);
});

describe('a URL that leads to a private address is asked nothing', () => {
  test.each([
    '127.0.0.1',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    'localhost',
    '169.254.169.254',
  ])('https://%s', async (host) => {
    const { port } = listener.address() as AddressInfo;
    const url = `https://${host}:${port}/keys`;
    expect(await failureOf(outbound().json(url))).toMatch(
      /is not an address that issuers may have|issuers may not have/,
    );
    expect(connections).toBe(0);
  });

  test.each(['http://127.0.0.1', 'http://example.test', 'file:///etc/passwd', 'gopher://127.0.0.1', 'ftp://x.test'])(
    '%s',
    async (url) => {
      expect(await failureOf(outbound(allowed).json(url))).toMatch(/issuers are asked over https only/);
    },
  );
});

test('a host with one private address among its public ones is not asked', async () => {
  const lookup = async (): Promise<LookupAddress[]> => [
    { address: '1.1.1.1', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ];
  const asked = outbound({ lookup }).json(`https://issuer.test:${issuer.port}/keys`);
  expect(await failureOf(asked)).toMatch(/issuer\.test leads to 127\.0\.0\.1, which issuers may not have/);
  expect(issuer.asked).toEqual([]);
});

test('the connection is made to the addresses that were checked, not to those of a second look-up', async () => {
  const looked: string[] = [];
  const lookup = async (host: string): Promise<LookupAddress[]> => {
    looked.push(host);
    return [{ address: '127.0.0.1', family: 4 }];
  };
  // This name exists nowhere else: whoever looked it up again would find nothing.
  const url = `https://issuer.test:${issuer.port}/keys`;
  expect(await outbound({ ...allowed, lookup }).json(url)).toHaveProperty('keys');
  expect(looked).toEqual(['issuer.test']);
});

test('a host without any address is an error', async () => {
  const asked = outbound({ ...allowed, lookup: async () => [] }).json('https://issuer.test/keys');
  expect(await failureOf(asked)).toMatch(/issuer\.test has no address/);
});

describe('an issuer that misbehaves is not believed', () => {
  const ask = (over: Partial<OutboundOptions> = {}) =>
    failureOf(outbound({ ...allowed, timeoutMs: 5000, ...over }).json(`${issuer.url}/keys`));

  test('a redirect is not followed', async () => {
    issuer.mood = 'redirects';
    expect(await ask()).toMatch(/the answer has status 302/);
    expect(issuer.asked).toEqual(['/keys']);
  });

  test('ten megabytes are cut after 64 KiB', async () => {
    issuer.mood = 'floods';
    expect(await ask()).toMatch(/exceeded max size|Response content exceeded/i);
  });

  test('a member twice is no JSON', async () => {
    issuer.mood = 'is no JSON';
    expect(await ask()).toMatch(/the answer is not one JSON object/);
  });

  test('an error is no answer', async () => {
    issuer.mood = 'fails';
    expect(await ask()).toMatch(/the answer has status 500/);
  });

  test('one that hangs is given up', async () => {
    issuer.mood = 'hangs';
    expect(await ask({ timeoutMs: 300 })).toMatch(/abort|timeout/i);
  });

  test('one whose certificate nobody vouches for is asked nothing', async () => {
    const stranger = createOutbound(allowed);
    open.push(stranger);
    expect(await failureOf(stranger.json(`${issuer.url}/keys`))).toMatch(/certificate/);
    expect(issuer.asked).toEqual([]);
  });
});
