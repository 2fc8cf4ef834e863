/** Who the client is and what it asked for, read as the gateway reads it: nobody is believed who was not named. */
import { afterAll, describe, expect, it } from 'vitest';
import { ask, type Question } from './support/ask.ts';
import { observed } from './support/observed.ts';
import { type CommonOptions, frameworks, type Service } from './support/services.ts';

const services: Service[] = [];
afterAll(() => Promise.all(services.map((service) => service.close())));

const onNode = Object.entries(frameworks).filter(([name]) => name !== 'fetch');

describe.each(onNode)('%s', (_, serve) => {
  const read = async (options: CommonOptions, question: Question) => {
    const verifier = observed();
    const service = await serve(verifier, options);
    services.push(service);
    await ask(service.port, question);
    return verifier.last();
  };
  const addressOf = async (options: CommonOptions, ...fields: string[]) =>
    (await read(options, { fields })).circumstances.address;

  it('the client is the peer, whatever it says of itself', async () => {
    const forged = ['X-Forwarded-For: 192.0.2.7', 'Forwarded: for=192.0.2.7', 'X-Real-IP: 192.0.2.7'];
    expect(await addressOf({}, ...forged)).toBe('127.0.0.1');
    expect(await addressOf({ trustedProxies: ['10.0.0.0/8'] }, ...forged)).toBe('127.0.0.1');
  });

  it('the client is whom a trusted proxy names, in the one header that it writes', async () => {
    const ours = { trustedProxies: ['127.0.0.1'] };
    expect(await addressOf(ours, 'X-Forwarded-For: 6.6.6.6, 192.0.2.7')).toBe('192.0.2.7');
    expect(await addressOf(ours, 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 192.0.2.7')).toBe('192.0.2.7');
    expect(await addressOf(ours, 'Forwarded: for=192.0.2.7')).toBe('127.0.0.1');
    expect(await addressOf({ ...ours, forwardedHeader: 'forwarded' }, 'Forwarded: for=192.0.2.7')).toBe('192.0.2.7');
    expect(await addressOf(ours, 'X-Forwarded-For: nonsense')).toBeUndefined();
    expect(await addressOf({ trustedHops: 2 }, 'X-Forwarded-For: 192.0.2.7, 10.0.0.1')).toBe('192.0.2.7');
    expect(await addressOf({ trustedHops: 2 }, 'X-Forwarded-For: 192.0.2.7')).toBeUndefined();
  });

  const proof = (...fields: string[]): string[] => ['DPoP: p', ...fields];
  it.each<[string, CommonOptions, string[], string]>([
    ['as it was sent', {}, proof(), 'http://orders.test/a/b%2Fc'],
    [
      'not as a stranger tells',
      {},
      proof('X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.test'),
      'http://orders.test/a/b%2Fc',
    ],
    [
      'as a trusted proxy tells',
      { trustedProxies: ['127.0.0.1'] },
      proof('X-Forwarded-For: 192.0.2.7', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: api.test'),
      'https://api.test/a/b%2Fc',
    ],
    [
      'as the service says',
      { origin: 'https://api.example.test' },
      proof('X-Forwarded-Host: evil.test'),
      'https://api.example.test/a/b%2Fc',
    ],
  ])('the target of a proof is the one %s', async (_name, options, fields, url) => {
    const { circumstances } = await read(options, { path: '/a/b%2Fc?d=e', fields });
    expect(circumstances).toMatchObject({ url, proof: 'p', method: 'GET', cost: 1 });
  });

  it('a target that names its authority is asked for its path alone', async () => {
    const { circumstances, presented } = await read(
      {},
      { path: 'http://orders.test/a?access_token=x', fields: proof() },
    );
    expect(circumstances.url).toBe('http://orders.test/a');
    expect(presented.query).toBe('access_token=x');
  });

  it('the query is everything after the first question mark', async () => {
    expect((await read({}, { path: '/a?b=c?d=e&f' })).presented.query).toBe('b=c?d=e&f');
    expect((await read({}, { path: '/a' })).presented.query).toBe('');
  });
});
