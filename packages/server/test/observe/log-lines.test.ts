/** Row L-5 and the life of a line: one record each, in order, all of them, and nothing a terminal would obey. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessLines } from '../../src/observe/access-log.ts';
import { createLogger } from '../../src/observe/log.ts';
import { scrubber } from '../../src/observe/log-line.ts';
import { mask, mayHoldSecret } from '../../src/observe/mask.ts';
import { fileLog, JWT, named, newFile, OTHER_TOKEN, TOKEN } from './support.ts';

const hostile = [
  '\r\n{"event":"fake"}',
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b2J',
  'CEF:0|\\=\\|',
  '\u2028{"event":"fake"}\u2029\u0085',
  '\u202egnp.exe\u2066',
  '","level":"fatal","x":"',
  '\ud800',
];

describe('log injection (L-5)', () => {
  it.each(hostile)('leaves one escaped record of %j', async (text) => {
    const log = fileLog();
    log.logger.child({ [text]: text }).info({ userAgent: text, [`x${text}`]: [text], token: `${text}${TOKEN}` }, text);
    const written = await log.text();
    expect(written.slice(0, -1)).toMatch(/^\{[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+\}$/u);
    expect(written.endsWith('}\n')).toBe(true);
    const record = JSON.parse(written);
    expect(record.level).toBe('info');
    expect(record.token.toWellFormed()).toBe(`${text.toWellFormed()}${named(TOKEN)}`);
    expect(record.userAgent.toWellFormed()).toBe(text.toWellFormed());
    expect(record.event).toBeUndefined();
  });
});

const fragment = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    ...hostile,
    ...[
      TOKEN,
      TOKEN.slice(0, 35),
      OTHER_TOKEN,
      JWT,
      'Bearer ',
      'authorization',
      'Authorization: ',
      '"',
      '\\',
      '\n',
      'n',
      'u00',
      '%5F',
    ],
    ...['_live_', '_test_', 'eyJ', '.', '%25', '\\u005f', 'basic 12345678', 'tessera:fp:', ':', '='],
  ),
);
const text = fc.array(fragment, { maxLength: 8 }).map((fragments) => fragments.join(''));

describe('the scrubber', () => {
  it('leaves every line one JSON object of the same shape, without the token', () => {
    const { scrub } = scrubber();
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, (values, message) => {
        const record = { authorization: message, values, nested: { authorization: values, n: 1.5, t: true, z: null } };
        const scrubbed = scrub(`${JSON.stringify(record)}\n`);
        expect(scrubbed).not.toContain(TOKEN);
        expect(scrubbed).not.toContain(OTHER_TOKEN);
        expect(scrubbed).not.toContain(TOKEN.slice(9, 29));
        expect(scrubbed.indexOf('\n')).toBe(scrubbed.length - 1);
        const parsed = JSON.parse(scrubbed);
        expect(Object.keys(parsed)).toEqual(Object.keys(record));
        expect(parsed.values).toEqual(values.map((value) => mask(value)));
        expect(parsed.nested).toMatchObject({ n: 1.5, t: true, z: null });
      }),
      { numRuns: 3000 },
    );
  });

  it('never passes over a text that it would change', () => {
    fc.assert(
      fc.property(text, (value) => {
        if (mask(value) !== value) expect(mayHoldSecret(JSON.stringify(value))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['eyJ', 'eyJ'],
    ['eyJ-', 'eyJ-'],
    ['eyJhbGciOiJub25lIn0.', ''],
    ['a.', 'a.'],
    ['authorization"', ''],
    ['authorization: ', ''],
    ['bearer ', ' '],
    ['_live_', 'a'],
    ['%25', '%25'],
    ['\\u00', ''],
  ])('takes no more than linear time for %j repeated', (unit, filler) => {
    const long = (unit + filler.repeat(3)).repeat(400_000 / (unit.length + 3 * filler.length));
    const started = performance.now();
    mask(long);
    mayHoldSecret(long);
    // Quadratic time would be minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('a line of the access log', () => {
  it('is one JSON object that says what was called, whatever that holds, and no token', async () => {
    const values = fc.array(fc.option(text, { nil: undefined }), { minLength: 4, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(values, async ([requestId, method, path, address]) => {
        const log = fileLog();
        const named = { door: 'gateway', route: 'orders', requestId, method, path, address, token: 'tok_1' };
        log.access?.({ ...named, status: 200, verdict: 'ok' });
        const written = await log.text();
        expect(written.indexOf('\n')).toBe(written.length - 1);
        expect(written).not.toContain(TOKEN);
        const record = JSON.parse(written);
        expect(record.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(Math.abs(Date.parse(record.time) - Date.now())).toBeLessThan(60_000);
        const masked = Object.entries(named).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, mask(value)]],
        );
        expect(record).toEqual({
          ...Object.fromEntries(masked),
          level: 'info',
          status: 200,
          verdict: 'ok',
          msg: 'call',
          time: record.time,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('tells milliseconds with three digits', () => {
    const line = accessLines(() => 1_700_000_000_007, scrubber());
    const entry = { door: 'gateway', status: 401, verdict: 'missing' } as const;
    const none = { route: undefined, requestId: undefined, method: undefined, path: undefined, address: undefined };
    expect(line({ ...entry, ...none, token: undefined })).toBe(
      '{"level":"info","time":"2023-11-14T22:13:20.007Z","door":"gateway","status":401,"verdict":"missing","msg":"call"}\n',
    );
  });

  it('is not written below its level', () => {
    expect(fileLog({ level: 'warn' }).access).toBeUndefined();
  });
});

describe('the log', () => {
  it('keeps every line, in order, also those written while a flush is under way', async () => {
    const log = fileLog();
    const flushes: Promise<void>[] = [];
    for (let line = 0; line < 30_000; line += 1) {
      log.logger.info({ line });
      if (line % 7_000 === 0) flushes.push(log.flush());
      if (line % 5_000 === 0) await new Promise(setImmediate);
    }
    await Promise.all(flushes);
    const lines = (await log.text()).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).line)).toEqual(Array.from({ length: 30_000 }, (_, line) => line));
  });

  it('has level, time and message in each line, and no line below its level', async () => {
    const log = fileLog({ level: 'warn' });
    log.logger.info('not this');
    log.logger.warn({ a: 1 }, 'but this');
    expect(JSON.parse(await log.text())).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      a: 1,
      msg: 'but this',
    });
  });

  it('writes what is waiting when the process exits', async () => {
    const file = newFile();
    const module = new URL('../../src/observe/log.ts', import.meta.url).href;
    const script = `
      const { createLogger } = await import(${JSON.stringify(module)});
      const { logger } = createLogger({ level: 'info', destination: ${JSON.stringify(file)} });
      for (let line = 0; line < 5000; line += 1) logger.info({ line });
      process.exit(3);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    expect((await once(child, 'exit'))[0]).toBe(3);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(new Set(lines.map((line) => JSON.parse(line).line)).size).toBe(5000);
  });

  it('drops lines rather than memory when nobody reads, and says how many', async () => {
    const pipe = newFile();
    execFileSync('mkfifo', [pipe]);
    const both = openSync(pipe, 'r+');
    const log = createLogger({ level: 'info', destination: both, maxWaitingBytes: 100_000 });
    for (let line = 0; line < 10_000; line += 1) log.logger.info({ line }, 'x'.repeat(100));
    const reader = await open(pipe, 'r');
    let read = '';
    for await (const chunk of reader.createReadStream({ encoding: 'utf8' })) {
      read += String(chunk);
      if (read.includes('"lines":') && read.endsWith('\n')) break;
    }
    closeSync(both);
    const records = read
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const told = records.at(-1);
    expect(told).toMatchObject({ level: 'warn', msg: 'log lines were dropped: whoever reads the log is too slow' });
    expect(told.lines).toBe(10_000 - (records.length - 1));
    expect(read.length).toBeLessThan(400_000);
  });

  it('cannot be had for a file that cannot be opened', () => {
    expect(() => createLogger({ level: 'info', destination: '/nowhere/at/all.log' })).toThrow(/ENOENT/);
  });
});
