/** Promise 5: no log line holds a secret, wherever in the line it ended up. */
import type { Logger } from 'pino';
import { describe, expect, it } from 'vitest';
import { fileLog, JWT, named, OTHER_TOKEN, TOKEN } from './support.ts';

const percent = (text: string) => encodeURIComponent(text).replaceAll('_', '%5F');
const everyCharacter = (text: string) => text.replaceAll(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`);
const escaped = (text: string) => text.replaceAll('_', '\\u005f').replaceAll('l', '\\u006C');

const places: Readonly<Record<string, (logger: Logger) => void>> = {
  'the message': (logger) => logger.info(`presented ${TOKEN} here`),
  'the start of the message, after a line break': (logger) => logger.info(`\n${TOKEN}\r\n`),
  'after a tab and a backslash': (logger) => logger.info(`\t${TOKEN} \\${TOKEN}`),
  'an argument of the message': (logger) => logger.info('presented %s', TOKEN),
  'an object as an argument': (logger) => logger.info('presented %o', { deep: [TOKEN] }),
  'a field that is named key': (logger) => logger.info({ key: TOKEN }),
  'a field of any name': (logger) => logger.info({ whatever: TOKEN }),
  'a field far down': (logger) => logger.info({ a: [{ b: { c: [null, TOKEN] } }] }),
  'the name of a field': (logger) => logger.info({ [TOKEN]: 1, deep: { [TOKEN]: true } }),
  'a binding of a child': (logger) => logger.child({ caller: TOKEN }).info('hello'),
  'a prefix of the message': (logger) => logger.child({}, { msgPrefix: `[${TOKEN}] ` }).info('hello'),
  'a query': (logger) => logger.info({ url: `/orders?a=1&access_token=${TOKEN}&b=2` }),
  'a path, touching other characters': (logger) => logger.info({ url: `/x${TOKEN}/orders` }),
  'a URL, percent-encoded': (logger) => logger.info({ url: `/orders?access_token=${percent(TOKEN)}` }),
  'a URL, percent-encoded in lower case': (logger) =>
    logger.info({ url: `/?t=${percent(TOKEN).replaceAll('%5F', '%5f')}` }),
  'a URL, percent-encoded twice': (logger) => logger.info({ url: `/?next=${percent(percent(TOKEN))}` }),
  'a URL, every character percent-encoded': (logger) => logger.info({ url: `/?t=${everyCharacter(TOKEN)}` }),
  'a body with escapes of JSON': (logger) => logger.info({ body: `{"token":"${escaped(TOKEN)}"}` }),
  'JSON in JSON in a text': (logger) => logger.info({ body: JSON.stringify({ inner: JSON.stringify({ t: TOKEN }) }) }),
  'an Authorization header': (logger) => logger.info({ headers: { authorization: `Bearer ${TOKEN}` } }),
  'a header of any name': (logger) => logger.info({ headers: { 'x-api-key': TOKEN, cookie: `session=${TOKEN}; a=b` } }),
  'raw headers': (logger) => logger.info({ rawHeaders: ['Authorization', `Bearer ${TOKEN}`, 'Host', 'a'] }),
  'the message of an error': (logger) => logger.error(new Error(`no such token ${TOKEN}`)),
  'the stack of an error': (logger) => {
    const error = new Error('plain');
    error.stack = `Error: plain\n    at verify (/x.ts?${TOKEN}:1:2)`;
    logger.error({ err: error }, 'failed');
  },
  'the cause of an error': (logger) => logger.error(new Error('outer', { cause: new Error(TOKEN) })),
  'what toJSON returns': (logger) => logger.info({ value: { toJSON: () => ({ token: TOKEN }) } }),
};

describe('a token in', () => {
  it.each(Object.entries(places))('%s is shown by its fingerprint only', async (_place, write) => {
    const log = fileLog();
    write(log.logger);
    const text = await log.text();
    expect(text.match(/\n/g)).toHaveLength(1);
    const decoded = decodeURIComponent(decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, '%25')));
    for (const form of [text, decoded, JSON.stringify(JSON.parse(text))]) {
      expect(form).not.toContain(TOKEN);
      expect(form).not.toContain(TOKEN.slice(9, 29));
    }
    expect(text).toContain(named(TOKEN));
  });
});

describe('what else is taken out', () => {
  it('is what libraries put into their errors: an answer that cannot be read, a row that cannot be written', async () => {
    const log = fileLog();
    const odd = () => Object.assign(new TypeError('odd'), { code: 'E_ODD', data: 'Set-Cookie: a=b', detail: 'row' });
    log.logger.error(odd());
    log.logger.warn({ err: new AggregateError([odd()], 'several') }, 'failed');
    const [first, second] = (await log.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const members = { type: 'TypeError', message: 'odd', stack: expect.stringContaining('odd'), code: 'E_ODD' };
    expect(first.err).toEqual(members);
    expect(second.err).toMatchObject({ type: 'AggregateError', message: 'several', aggregateErrors: [members] });
    expect(second.err.aggregateErrors).toEqual([members]);
  });

  it('is each of several tokens, and nothing around them', async () => {
    const log = fileLog();
    log.logger.info({ url: `/a?x=${TOKEN}&y=${OTHER_TOKEN}#z`, plain: 'stays as it is: 100% [ok] \\u0041 %zz' });
    expect(JSON.parse(await log.text())).toMatchObject({
      url: `/a?x=${named(TOKEN)}&y=${named(OTHER_TOKEN)}#z`,
      plain: 'stays as it is: 100% [ok] \\u0041 %zz',
    });
  });

  it.each([
    ['a wrong checksum', TOKEN.slice(0, -1) + (TOKEN.endsWith('a') ? 'b' : 'a')],
    ['its end cut off', TOKEN.slice(0, 40)],
    ['its last character cut off', TOKEN.slice(0, -1)],
  ])('is a token with %s, which has no fingerprint', async (_what, text) => {
    const log = fileLog();
    log.logger.info({ at: `\n${text}`, url: `/?t=${text}` });
    const line = await log.text();
    expect(line).not.toContain(text.slice(9, 29));
    expect(JSON.parse(line)).toMatchObject({ at: '\n[redacted]', url: '/?t=[redacted]' });
  });

  it.each([
    ['authorization', 'Bearer s3cr3t', 'Bearer [redacted]'],
    ['Authorization', 'bearer "quoted" \\ and spaced', 'bearer [redacted]'],
    ['AUTHORIZATION', 'opaque-without-scheme', '[redacted]'],
    ['proxy-authorization', 'Basic dXNlcjpwYXNz', 'Basic [redacted]'],
    ['authorization', `DPoP ${JWT}`, 'DPoP [redacted]'],
    ['authorization', `Bearer ${TOKEN}`, `Bearer ${named(TOKEN)}`],
    ['authorization', `Bearer ${TOKEN} s3cr3t`, 'Bearer [redacted]'],
  ])('is the value of the header %s: %s', async (name, value, shown) => {
    const log = fileLog();
    log.logger.info({ headers: { [name]: value, host: 'a' }, many: { [name]: [value, value] } });
    expect(JSON.parse(await log.text())).toMatchObject({
      headers: { [name]: shown, host: 'a' },
      many: { [name]: [shown, shown] },
    });
  });

  it.each([
    ['Authorization: Bearer abc\r\nHost: a', 'Authorization: Bearer [redacted]\r\nHost: a'],
    ['curl -H "authorization: s3cr3t"', 'curl -H "authorization: [redacted]'],
    ['{"Authorization":"Bearer x"}', '{"Authorization":"Bearer [redacted]'],
    ['sent bearer 0123456789abcdef= to it', 'sent bearer [redacted] to it'],
    ['sent Basic dXNlcjpwYXNz', 'sent Basic [redacted]'],
    [`id_token=${JWT}&state=1`, 'id_token=[redacted]&state=1'],
    [`glued_${JWT}`, 'glued_[redacted]'],
    [`www.example.test.${JWT}`, 'www.example.test.[redacted]'],
    [JWT.replace(/\.[^.]*$/, '.'), '[redacted]'],
    [JWT.replaceAll('.', '%2E'), '[redacted]'],
  ])('is the credential in the text %j', async (text, shown) => {
    const log = fileLog();
    log.logger.info({ text });
    expect(JSON.parse(await log.text()).text).toBe(shown);
  });

  it.each([
    'a bearer token is missing',
    'step authorization: ',
    'GET /v1/tokens/tok_01JD/rotate 201',
    'at keyJson.test (file:///a/eyJ.b.c)',
    'packages/server/src/x.test.ts on www.example.test',
    'a_live_wire, a_test_case, is_live_now_in_the_house',
    '50%25 of %zz, 100%',
  ])('is not the plain text %j', async (text) => {
    const log = fileLog();
    log.logger.info({ step: 'authorization', authorization: true, text });
    expect(JSON.parse(await log.text())).toMatchObject({ step: 'authorization', authorization: true, text });
  });

  it('are the texts that were named, as they stand in JSON too', async () => {
    const secrets = ['nine"\\\n key', 'newlines'];
    const log = fileLog({ secrets });
    log.logger.info({ url: `postgres://u:${secrets[0]}@h`, list: ['\newlines and newlines', 'short'] });
    const line = await log.text();
    expect(JSON.parse(line)).toMatchObject({
      url: 'postgres://u:[redacted]@h',
      list: ['\newlines and [redacted]', 'short'],
    });
  });
});
