/** Makes archives of what services install, JavaScript with declarations, in `dist` or the folder that is named: `npm run packages` */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** Each with the one of ours that it needs. Of `contract` the client imports types alone, and its declarations name them. */
const PACKED = { verify: 'token', client: 'contract' } as const;

/** What is read of one; the rest is passed on as it is. */
interface Manifest extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const into = resolve(process.argv[2] ?? join(ROOT, 'dist'));
mkdirSync(into, { recursive: true });
const projects = Object.keys(PACKED).map((name) => `packages/${name}`);
execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-b', ...projects], { cwd: ROOT, stdio: 'inherit' });

const work = mkdtempSync(join(tmpdir(), 'tessera-packages-'));
try {
  for (const [name, needed] of Object.entries(PACKED)) {
    const folder = join(work, name);
    assemble(name, needed, folder);
    const args = ['pack', folder, '--pack-destination', into, '--ignore-scripts', '--silent'];
    const file = execFileSync('npm', args, { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    console.log(join(into, file.trim()));
  }
} finally {
  rmSync(work, { recursive: true });
}

/**
 * Puts a package into a folder, as it is installed, and what it needs of ours inside of it: so no registry is ever asked for a
 * name that somebody else may have taken there.
 */
function assemble(name: string, needed: string, folder: string): void {
  const outer = manifestOf(name);
  const inner = manifestOf(needed);
  copyBuilt(name, folder, outer);
  copyBuilt(needed, join(folder, 'node_modules', inner.name), inner);
  write(join(folder, 'package.json'), {
    ...published(outer),
    dependencies: { ...outer.dependencies, ...inner.dependencies, [inner.name]: inner.version },
    bundleDependencies: [inner.name],
  });
}

/** What the sources make, and nothing that was left over from sources that are gone. */
function copyBuilt(name: string, folder: string, manifest: Manifest): void {
  const source = join(ROOT, 'packages', name);
  for (const file of readdirSync(join(source, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    for (const ending of ['.js', '.d.ts']) {
      const built = join('dist', file.replace(/\.ts$/, ending));
      // Maps would lead to sources that are not there.
      write(
        join(folder, built),
        readFileSync(join(source, built), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'),
      );
    }
  }
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  write(join(folder, 'package.json'), published(manifest));
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
}

/** Without what holds for a checkout alone. */
function published({ private: _private, devDependencies: _tests, exports, ...manifest }: Manifest) {
  const built = Object.entries(exports).map(([path, file]) => {
    const module = file.replace('./src/', './dist/').replace(/\.ts$/, '');
    return [path, { types: `${module}.d.ts`, default: `${module}.js` }];
  });
  return { ...manifest, exports: Object.fromEntries(built) };
}

function write(path: string, content: string | object): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
}
