/** Live reload of a real file: replaced as editors and Kubernetes do it, wrong, gone, and ended. */
import { EventEmitter, once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Config, loadConfig } from '../../src/config/load.ts';
import { type ConfigProblem, formatProblem } from '../../src/config/problems.ts';
import { DEBOUNCE_MS, watchConfig } from '../../src/config/watch.ts';

const routes = (...names: string[]): string =>
  `routes:\n${names.map((name) => `  - { name: ${name}, match: { path: /${name} }, upstream: "http://u" }\n`).join('')}`;

const ended = new EventEmitter();
let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-watch-'));
  path = join(folder, 'tessera.yaml');
});
afterEach(async () => {
  ended.emit('end');
  await rm(folder, { recursive: true });
});

/** Puts a new file in the place of the old one, as most editors do. */
async function replace(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** Watches the file, and hands out what was told, in order; `next` waits for it. */
function follow(apply: (config: Config) => void = () => {}) {
  const aborter = new AbortController();
  ended.once('end', () => aborter.abort());
  const told: string[] = [];
  const news = new EventEmitter();
  const tell = (text: string): void => {
    told.push(text);
    news.emit('told');
  };
  let loads = 0;
  const load = () => {
    loads += 1;
    return loadConfig({ env: {}, cwd: folder });
  };
  const first = load();
  if (!first.ok) throw new Error('the first configuration was refused');
  const { reload } = watchConfig({
    path,
    current: first.config,
    load,
    onChange: (config) => {
      apply(config);
      tell(`port ${config.port}, routes ${config.routes.map(({ name }) => name).join(' ')}`);
    },
    onRead(waiting) {
      if (waiting.length > 0) tell(waiting.map(formatProblem).join('\n'));
    },
    onProblem: (problems: readonly ConfigProblem[]) => tell(problems.map(formatProblem).join('\n')),
    signal: aborter.signal,
  });
  const next = async (): Promise<string | undefined> => {
    if (told.length === 0) await once(news, 'told', { signal: AbortSignal.timeout(30_000) });
    return told.shift();
  };
  return { next, reload, told, loads: () => loads, stop: () => aborter.abort() };
}

test('a file that is written over', async () => {
  await writeFile(path, routes('a'));
  const { next, told } = follow();
  await writeFile(path, routes('a', 'b'));
  // Between its two steps, truncate and write, a slow disk may show the file as empty for long: told, and never taken for "no routes".
  let text = await next();
  if (text === 'tessera.yaml: is empty') text = await next();
  expect(text).toBe('port 8420, routes a b');
  expect(told).toEqual([]);
});

test('a file that is replaced, as editors do, again and again', async () => {
  await writeFile(path, routes('a'));
  const { next } = follow();
  for (const name of ['b', 'c', 'd']) {
    await replace(routes(name));
    expect(await next()).toBe(`port 8420, routes ${name}`);
  }
});

test('a link that is turned to another folder, as Kubernetes does', async () => {
  for (const name of ['one', 'two']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'tessera.yaml'), routes(name));
  }
  await symlink('one', join(folder, '..data'));
  await symlink('..data/tessera.yaml', path);
  const { next } = follow();
  await symlink('two', join(folder, '..new'));
  await rename(join(folder, '..new'), join(folder, '..data'));
  expect(await next()).toBe('port 8420, routes two');
});

test('what is wrong is told, and what was in force stays, until it is right', async () => {
  await writeFile(path, routes('a'));
  const { next } = follow();
  await replace('rootes: []\n');
  expect(await next()).toBe('tessera.yaml:1:1 rootes: unknown setting "rootes"; did you mean "routes"?');
  await replace('');
  expect(await next()).toBe('tessera.yaml: is empty');
  await unlink(path);
  expect(await next()).toBe(`${path}: does not exist`);
  await replace(routes('b'));
  expect(await next()).toBe('port 8420, routes b');
});

test('a changed setting needs a restart; routes beside it change', async () => {
  await writeFile(path, routes('a'));
  const { next } = follow();
  await replace(`port: 9\nlogLevel: debug\n${routes('b')}`);
  expect(await next()).toBe(
    `${path} port: has changed and needs a restart\n${path} logLevel: has changed and needs a restart`,
  );
  expect(await next()).toBe('port 8420, routes b');
});

test('routes that cannot be applied are told, and tried again', async () => {
  await writeFile(path, routes('a'));
  let refuse = true;
  const { next, reload } = follow(() => {
    if (refuse) throw new Error('no such workspace');
  });
  await replace(routes('b'));
  expect(await next()).toBe(`${path}: cannot be applied: no such workspace`);
  refuse = false;
  reload();
  expect(await next()).toBe('port 8420, routes b');
});

test('reload() reads at once, and says nothing where nothing changed', async () => {
  await writeFile(path, routes('a'));
  const { reload, told } = follow();
  reload();
  expect(told).toEqual([]);
  await replace(routes('b'));
  reload();
  expect(told).toEqual(['port 8420, routes b']);
});

test('another file in the folder is no reason to load', async () => {
  await writeFile(path, routes('a'));
  const { loads } = follow();
  const before = loads();
  const seen = watch(folder);
  await Promise.all([once(seen, 'change'), writeFile(join(folder, 'other'), 'x')]);
  seen.close();
  // A timer of the same length that starts later ends later: by then the watcher has looked.
  await setTimeout(DEBOUNCE_MS);
  expect(loads()).toBe(before);
});

test('a folder that cannot be watched is told, and reload() still works', async () => {
  const file = path;
  await writeFile(file, routes('a'));
  path = join(folder, 'absent', 'tessera.yaml');
  const { reload, told } = follow();
  expect(told.shift()).toBe(`${path}: cannot be watched; its changes wait for a reload by signal`);
  await writeFile(file, routes('b'));
  reload();
  expect(told).toEqual(['port 8420, routes b']);
});

test('after the signal nothing is told', async () => {
  await writeFile(path, routes('a'));
  const stopped = follow();
  const fence = follow();
  stopped.stop();
  await replace(routes('b'));
  stopped.reload();
  expect(await fence.next()).toBe('port 8420, routes b');
  expect(stopped.told).toEqual([]);
});
