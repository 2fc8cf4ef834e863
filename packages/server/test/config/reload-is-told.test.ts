/** What comes of a reload is told once and truly: in the log, and in the metric that an alert watches. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { type Followed, followConfig } from '../../src/follow-config.ts';
import type { Logger } from '../../src/observe/log.ts';

const RESTART = 'settings have changed that need a restart; routes do not';
const RELOADED = 'the configuration was reloaded';
const REFUSED = 'the configuration was not reloaded: what was in force stays';

let folder = '';
let followed: Followed | undefined;
let told: string[] = [];
let successful: boolean | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-reload-'));
  told = [];
});
afterEach(() => {
  followed?.end();
  rmSync(folder, { recursive: true });
});

const routes = (name: string): string =>
  `routes:\n  - { name: ${name}, match: { path: /${name} }, upstream: "http://u" }\n`;

function write(text: string): void {
  writeFileSync(join(folder, 'new'), text);
  renameSync(join(folder, 'new'), join(folder, 'tessera.yaml'));
}

function follow(text: string): (text: string) => void {
  write(text);
  const load = () => loadConfig({ env: {}, cwd: folder });
  const first = load();
  if (!first.ok) throw new Error('the first configuration was refused');
  const tell = (_fields: unknown, message: string): void => void told.push(message);
  followed = followConfig(
    {
      config: first.config,
      reload: load,
      log: { info: tell, warn: tell, error: tell } as unknown as Logger,
      metrics: {
        configReloaded(ok) {
          successful = ok;
        },
      },
    },
    () => {},
  );
  return (next) => {
    told = [];
    write(next);
    // Not the event of the file: what it tells next is nothing new then.
    followed?.reload();
  };
}

test('a setting that needs a restart: a warning, no failure, and the metric says that the file is not in force', () => {
  const change = follow(routes('a'));
  change(`port: 9\n${routes('b')}`);
  expect([told, successful]).toEqual([[RESTART, RELOADED], false]);
  change(routes('b'));
  expect([told, successful]).toEqual([[], true]);
});

test('a file that was wrong and is again what it was: the metric says so', () => {
  const change = follow(routes('a'));
  change('rootes: []\n');
  expect([told, successful]).toEqual([[REFUSED], false]);
  change(routes('a'));
  expect([told, successful]).toEqual([[], true]);
});
