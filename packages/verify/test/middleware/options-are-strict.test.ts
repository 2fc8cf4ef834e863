/** An option that would ask for less than its writer meant stops the service where it starts. */
import { describe, expect, it } from 'vitest';
import { verifierOver } from '../../src/index.ts';
import { portsOf } from '../support/ports.ts';
import { type CommonOptions, frameworks } from './support/services.ts';

const verifier = verifierOver(portsOf(), { audience: 'https://api.example.test' });

const wrong: readonly (readonly [string, Record<string, unknown>])[] = [
  ['there is no option `scope`', { scope: ['orders:read'] }],
  ['there is no option `toString`', { toString: 'x' }],
  ['the option `scopes` is not valid', { scopes: 'orders:read' }],
  ['the option `scopes` is not valid', { scopes: [''] }],
  ['the option `kinds` is not valid', { kinds: ['apikey'] }],
  ['the option `environment` is not valid', { environment: 'production' }],
  ['the option `proof` is not valid', { proof: 'yes' }],
  ['the option `clientCertificate` is not valid', { clientCertificate: 1 }],
  ['the option `cost` is not valid', { cost: 0 }],
  ['the option `ip` is not valid', { ip: { alow: ['10.0.0.0/8'] } }],
  ['the option `ip` is not valid', { ip: ['10.0.0.0/8'] }],
  ['not an address or CIDR range: 10.0.0.0/33', { ip: { allow: ['10.0.0.0/33'] } }],
  ['the option `origin` is not valid', { origin: 'https://api.example.test/v1' }],
  ['the route asks for other audience than the verifier', { audience: 'https://other.example.test' }],
];

const aboutProxies: readonly (readonly [string, Record<string, unknown>])[] = [
  ['would let every client forge its address: 0.0.0.0/0', { trustedProxies: ['10.0.0.1', '0.0.0.0/0'] }],
  ['would let every client forge its address: ::/1', { trustedProxies: ['::/1'] }],
  // All of IPv4, in the words of IPv6.
  ['would let every client forge its address: ::ffff:0:0/96', { trustedProxies: ['::ffff:0:0/96'] }],
  ['would let every client forge its address: ::/64', { trustedProxies: ['::/64'] }],
  ['not an address or CIDR range: proxy.test', { trustedProxies: ['proxy.test'] }],
  ['only one of `trustedProxies`, `trustedHops` and `clientAddress`', { trustedProxies: ['10.0.0.1'], trustedHops: 1 }],
  ['the option `trustedHops` is not valid', { trustedHops: -1 }],
  ['the option `forwardedHeader` is not valid', { forwardedHeader: 'x-real-ip' }],
];

describe.each(Object.entries(frameworks))('%s', (name, serve) => {
  // A `Request` of the Fetch standard tells of no proxies, and its options are others.
  it.each(name === 'fetch' ? wrong : [...wrong, ...aboutProxies])('%s: %o', async (message, options) => {
    await expect(serve(verifier, options as CommonOptions)).rejects.toThrow(message);
  });
});
