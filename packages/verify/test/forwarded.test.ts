/** `Forwarded` (RFC 7239) is read strictly: whatever a client writes left of our proxies' words cannot change who the client is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeAddress, parseForwarded } from '../src/clients/forwarded.ts';
import { clientAddress, trustedProxies } from '../src/index.ts';
import { leastCpu } from './support/least-cpu.ts';

const SILENT = { for: undefined, host: undefined, proto: undefined };

describe('the field', () => {
  it.each<[string, readonly object[]]>([
    ['for=192.0.2.60;proto=http;by=203.0.113.43', [{ for: '192.0.2.60', proto: 'http' }]],
    ['for=192.0.2.43, for=198.51.100.17', [{ for: '192.0.2.43' }, { for: '198.51.100.17' }]],
    ['For="[2001:db8:cafe::17]:4711"', [{ for: '[2001:db8:cafe::17]:4711' }]],
    ['FOR=1.2.3.4;HOST="a.test:8080";Proto=https', [{ for: '1.2.3.4', host: 'a.test:8080', proto: 'https' }]],
    ['for="a\\"b\\\\c, for=d;x"', [{ for: 'a"b\\c, for=d;x' }]],
    [' ,\t, for=_x ,, ', [{ for: '_x' }]],
    [';;for=_x;;', [{ for: '_x' }]],
    ['', []],
    [';', [{}]],
    ['secret=abc', [{}]],
  ])('%j', (line, elements) => {
    expect(parseForwarded([line])).toEqual(elements.map((element) => ({ ...SILENT, ...element })));
  });

  it('is one list, in however many lines', () => {
    expect(parseForwarded(['for=_a', 'for=_b, for=_c'])?.map((element) => element.for)).toEqual(['_a', '_b', '_c']);
    expect(parseForwarded(['for="_a', 'for=_b'])).toBeUndefined();
  });

  it.each([
    'for',
    'for=',
    '=x',
    'for =1.2.3.4',
    'for= 1.2.3.4',
    'for=1.2.3.4; proto=http',
    'for=1.2.3.4 ;proto=http',
    'for=1.2.3.4 for=5.6.7.8',
    'for=1.2.3.4;for=5.6.7.8',
    'for=1.2.3.4;FOR=5.6.7.8',
    'for=1.2.3.4:80',
    'for=[::1]',
    'for="1.2.3.4',
    'for="1.2.3.4\\',
    'for="1.2.3.4"5',
    'for=1.2.3.4"',
    'for="é"',
    'for="a\u0000b"',
    '"for=1.2.3.4"',
  ])('%j is malformed', (line) => {
    expect(parseForwarded([line])).toBeUndefined();
  });

  it('is read as it was written, whatever it says', () => {
    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), (drawn) => {
        expect(parseForwarded([drawn.map(written).join(', ')])).toEqual(drawn.map((one) => ({ ...SILENT, ...one })));
      }),
    );
  });

  it('costs little, whatever it is', async () => {
    const line = 'for="\\"'.repeat(3000) + ' \t'.repeat(8000);
    expect(parseForwarded([line])).toBeUndefined();
    expect(await leastCpu(() => parseForwarded([line]))).toBeLessThan(500);
  });
});

describe('a node', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:80', '192.0.2.1'],
    ['192.0.2.1:_port', '192.0.2.1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[::ffff:192.0.2.1]', '192.0.2.1'],
    ['2001:db8::1', undefined],
    ['unknown', undefined],
    ['_hidden', undefined],
    ['example.test', undefined],
    ['192.0.2.1:', undefined],
    ['192.0.2.1:123456', undefined],
    ['192.0.2.256', undefined],
    ['[192.0.2.1]', '192.0.2.1'],
    ['', undefined],
    [undefined, undefined],
  ])('%j', (node, address) => {
    expect(nodeAddress(node)).toBe(address);
  });
});

describe('what a client writes before our proxy adds its own', () => {
  const PROXY = '10.0.0.1';
  const trusted = trustedProxies([PROXY], { header: 'forwarded' });
  const spiteful = fc.string({ unit: fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'for', 'host', '6.6.6.6', 'x') });

  it('can hide who it is, never make it another', () => {
    const own = fc.constantFrom(
      'for=2.2.2.2',
      'for="2.2.2.2:80"',
      'host="a.test:1";for=2.2.2.2',
      'for=2.2.2.2;host="\\""',
    );
    fc.assert(
      fc.property(fc.array(spiteful, { maxLength: 3 }), own, fc.boolean(), (lines, added, isSameLine) => {
        const last =
          lines.length > 0 && isSameLine ? [...lines.slice(0, -1), `${lines.at(-1)}, ${added}`] : [...lines, added];
        const { address } = clientAddress(PROXY, { forwarded: last, forwardedFor: ['6.6.6.6'] }, trusted);
        expect(['2.2.2.2', undefined]).toContain(address);
      }),
      { numRuns: 5000 },
    );
  });
});

interface Drawn {
  readonly for: string;
  readonly host?: string;
}

const text = fc.string({ unit: fc.constantFrom('a', '1', '.', ':', '[', '"', '\\', ',', ';', '=', ' ', '\t') });
const element: fc.Arbitrary<Drawn> = fc.record({ for: text, host: text }, { requiredKeys: ['for'] });

function written(drawn: Drawn): string {
  return Object.entries(drawn)
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`)
    .join(';');
}
