/** The process edge: argv, environment, signals, exit code. Nothing else reads `process`. Loaded by `main`. */
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { type Started, startApp } from './app.ts';
import { type Config, type LoadResult, loadConfig } from './config/load.ts';
import { type ConfigProblem, formatProblem } from './config/problems.ts';
import { configSchema, printConfig } from './config/render.ts';
import { namedFileFindings } from './named-files.ts';
import { createLogger } from './observe/log.ts';
import { startError } from './start-error.ts';
import { startWorkers } from './workers/start-workers.ts';
import { workerCount } from './workers/worker-count.ts';

// A last belt against regular expressions that backtrack without end; ours are written not to.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const EXIT = { ok: 0, no: 1, usage: 2, server: 8 } as const;
const FLUSH_MS = 2000;
const USAGE = 'usage: tessera start | tessera config check|print|schema';

const [command = 'start', verb] = process.argv.slice(2);
if (command === 'start') await start();
else if (command === 'config') config(verb);
else stop(EXIT.usage, USAGE);

async function start(): Promise<void> {
  const loaded = load();
  if (!loaded.ok) return;
  const { config } = loaded;
  const machine = { cores: availableParallelism(), platform: process.platform };
  const count = workerCount(config.workers, machine);
  if (typeof count === 'string') return stop(EXIT.usage, count);
  const secrets = secretsOf(config);
  const log = createLogger({ level: config.logLevel, destination: 2, secrets });
  const { logger, access, flush } = log;
  for (const warning of loaded.warnings) logger.warn({ problem: formatProblem(warning) }, 'configuration');
  const version = { version: packageVersion(), node: process.version };
  try {
    const parts = { config, reload: readConfig, version, clock: { now: Date.now } };
    const app =
      count === 1
        ? await startApp({ ...parts, log: logger, access })
        : await startWorkers({ ...parts, log, count, secrets, memoryBytes: memoryBytes() });
    announce(app, config, count);
    onSignals(app, flush);
  } catch (error) {
    await flush();
    stop(EXIT.server, `tessera cannot start: ${startError(error)}`);
  }
}

function config(verb: string | undefined): void {
  if (verb === 'schema') print(JSON.stringify(configSchema(), null, 2));
  else if (verb !== 'check' && verb !== 'print') stop(EXIT.usage, USAGE);
  else {
    const loaded = load();
    if (!loaded.ok) return;
    if (verb === 'print') print(printConfig(loaded.config));
    else check(loaded);
  }
}

/** Says that it is valid, once the files that it names are, too. */
function check({ config, locate }: LoadResult & { readonly ok: true }): void {
  const { problems, warnings } = namedFileFindings(config, Date.now());
  for (const warning of warnings) tell(warningText(locate(warning)));
  for (const problem of problems) tell(formatProblem(locate(problem)));
  if (problems.length > 0) process.exitCode = EXIT.usage;
  else if (config.configFile === undefined)
    tell('the configuration is valid; there is no file, and so no route but the sample');
  else tell(`the configuration is valid; routes: ${config.routes.length}`);
}

/** Loads the configuration; where it is wrong, says everything that is and sets the exit code. */
function load(): LoadResult {
  const loaded = readConfig();
  if (!loaded.ok) {
    for (const problem of loaded.problems) tell(formatProblem(problem));
    process.exitCode = EXIT.usage;
  }
  if (command === 'config') for (const warning of loaded.warnings) tell(warningText(warning));
  return loaded;
}

function readConfig(): LoadResult {
  return loadConfig({ env: process.env, cwd: process.cwd() });
}

function warningText(warning: ConfigProblem): string {
  return `warning: ${formatProblem(warning)}`;
}

function announce({ ports, rootToken, sample }: Started, { host, data, role }: Config, workers: number): void {
  const at = (port: number, scheme = 'http'): string =>
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  print(`Tessera ${packageVersion()} is listening`);
  print(
    `  platform  ${at(ports.platform)}   ${role === 'all' ? 'management API, verify' : 'verify; a data plane has no management API'}`,
  );
  print(`  gateway   ${at(ports.gateway)}${sample ? `   sample route: ${at(ports.gateway)}/echo` : ''}`);
  if (ports.platformTls !== undefined) print(`  platform  ${at(ports.platformTls, 'https')}`);
  if (ports.gatewayTls !== undefined) print(`  gateway   ${at(ports.gatewayTls, 'https')}`);
  if (ports.metrics !== undefined) print(`  metrics   ${at(ports.metrics)}/metrics`);
  if (workers > 1) print(`  workers   ${workers}`);
  print(`  data      ${data}`);
  if (rootToken !== undefined) {
    print('');
    print('  Administrator token, shown this once:');
    print(`  ${rootToken}`);
  }
}

function onSignals(app: Started, flush: () => Promise<void>): void {
  let stopping = false;
  const end = (): void => {
    // Whoever asks twice does not want to wait.
    if (stopping) process.exit(EXIT.no);
    stopping = true;
    void app
      .stop()
      .then(
        () => EXIT.ok,
        (error: unknown) => {
          tell(`tessera did not stop cleanly: ${error instanceof Error ? error.message : 'unknown error'}`);
          return EXIT.server;
        },
      )
      .then(async (code) => {
        // A reader of the log that has stopped reading must not keep us.
        await Promise.race([flush(), sleep(FLUSH_MS)]);
        process.exit(code);
      });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', () => app.reload());
}

/** Texts that no log line may hold, besides tokens, which are known by their form. */
function secretsOf({ databaseUrl, redisUrl, masterKey, otherMasterKeys, kmsToken }: Config): readonly string[] {
  const ofUrl = (url: string | undefined): readonly string[] => {
    const password = decodeURIComponent(URL.parse(url ?? '')?.password ?? '');
    return [url ?? '', password].filter((text) => text !== '');
  };
  const ofKey = (key: KeyObject): readonly string[] => [key.export().toString('hex'), key.export().toString('base64')];
  const keys = [...(masterKey ? [masterKey] : []), ...(otherMasterKeys ?? [])];
  return [...keys.flatMap(ofKey), kmsToken ?? '', ...ofUrl(databaseUrl), ...ofUrl(redisUrl)];
}

/** What the process may use: of the machine, or of the container. */
function memoryBytes(): number {
  const allowed = process.constrainedMemory();
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

function stop(code: number, message: string): void {
  tell(message);
  process.exitCode = code;
}
