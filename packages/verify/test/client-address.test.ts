/** Who the client is behind proxies: known by address or counted, told in one header and never believed in the other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress, trustedProxies } from '../src/index.ts';

const told = (forwardedFor: readonly string[], forwarded: readonly string[] = []) => ({ forwardedFor, forwarded });

describe('one header is believed, never both', () => {
  const both = told(['1.1.1.1'], ['for=2.2.2.2;host=b.test;proto=https']);

  it('X-Forwarded-For, where nothing else is said', () => {
    const client = clientAddress('10.0.0.1', both, trustedProxies(['10.0.0.1']));
    expect(client).toEqual({ address: '1.1.1.1', hops: '1.1.1.1, 10.0.0.1', host: undefined, proto: undefined });
  });

  it('Forwarded, where it is chosen', () => {
    const trusted = trustedProxies(['10.0.0.1'], { header: 'forwarded' });
    const expected = { address: '2.2.2.2', hops: '2.2.2.2, 10.0.0.1', host: 'b.test', proto: 'https' };
    expect(clientAddress('10.0.0.1', both, trusted)).toEqual(expected);
    // A proxy that speaks the other language says nothing: it is the client itself, and not what the other header says.
    expect(clientAddress('10.0.0.1', told(['1.1.1.1']), trusted)).toMatchObject({ address: '10.0.0.1' });
  });

  it('Forwarded: host and proto are those of the client, not of a hop between', () => {
    const trusted = trustedProxies(['10.0.0.0/8'], { header: 'forwarded' });
    const lines = [
      'for=6.6.6.6;host=evil.test',
      'for=2.2.2.2;host=shop.test;proto=https',
      'for=10.0.0.2;host=inside;proto=http',
    ];
    expect(clientAddress('10.0.0.1', told([], lines), trusted)).toEqual({
      address: '2.2.2.2',
      hops: '2.2.2.2, 10.0.0.2, 10.0.0.1',
      host: 'shop.test',
      proto: 'https',
    });
  });

  it.each(['for=unknown', 'for=_hidden', 'proto=https', 'for="', 'for=1.1.1.1;for=2.2.2.2'])(
    'Forwarded: %s leaves the address unknown',
    (line) => {
      const trusted = trustedProxies(['10.0.0.1'], { header: 'forwarded' });
      expect(clientAddress('10.0.0.1', told([], [line]), trusted)).toEqual({
        address: undefined,
        hops: 'unknown, 10.0.0.1',
        host: undefined,
        proto: undefined,
      });
    },
  );
});

describe('hops that are counted', () => {
  const XFF = told(['6.6.6.6, 1.1.1.1', '10.0.0.3, 10.0.0.2']);

  it.each([
    [1, '10.0.0.2'],
    [2, '10.0.0.3'],
    [3, '1.1.1.1'],
    [4, '6.6.6.6'],
    [5, undefined],
  ])('%i of them: from the right, whatever their addresses', (hops, address) => {
    expect(clientAddress('203.0.113.9', XFF, trustedProxies([], { hops })).address).toBe(address);
  });

  it('a request that did not come by all of them is from nobody known', () => {
    expect(clientAddress('203.0.113.9', told([]), trustedProxies([], { hops: 1 })).address).toBeUndefined();
    expect(clientAddress('203.0.113.9', told(['1.1.1.1']), trustedProxies([], { hops: 2 })).address).toBeUndefined();
  });

  it('three hops of which one is trusted: what the others say is gone', () => {
    const client = clientAddress('10.0.0.1', told(['6.6.6.6, 5.5.5.5, 4.4.4.4']), trustedProxies(['10.0.0.1']));
    expect(client).toMatchObject({ address: '4.4.4.4', hops: '4.4.4.4, 10.0.0.1' });
  });

  it('a client adds to the left in vain', () => {
    const entry = fc.ipV4();
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(entry, { minLength: 1, maxLength: 4 }), (forged, own) => {
        const trusted = trustedProxies([], { hops: own.length });
        const lines = [...forged, own.join(', ')];
        expect(clientAddress('10.0.0.1', told(lines), trusted)).toMatchObject({
          address: own[0],
          hops: [...own, '10.0.0.1'].join(', '),
        });
      }),
    );
  });
});
