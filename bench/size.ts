/** What a service takes on with `@tessera/verify`: files and packages, its own and those that it needs. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './rig/bench.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const VERIFY = join(ROOT, 'packages/verify');

interface Package {
  readonly name: string;
  /** Unpacked. */
  readonly bytes: number;
  /** Packages that come along, and what they bring. */
  readonly needed: readonly Package[];
}

export const size: Bench = async () => {
  const ours = packageAt(VERIFY);
  const jose = packageAt(folderOf('jose', import.meta.dirname));
  const needed = closureOf(ours);
  return {
    rows: [
      {
        what: 'size of @tessera/verify, unpacked, with the packages it needs',
        ours: `${kibibytes(ours.bytes + sumOf(needed))}, ${needed.length} packages needed`,
        against: `${kibibytes(jose.bytes + sumOf(closureOf(jose)))}, ${closureOf(jose).length} packages needed: jose alone`,
        ratio: '',
        goal: '',
        met: undefined,
      },
    ],
    notes: [
      `size: ${[ours, ...needed, jose].map(({ name, bytes }) => `${name} ${kibibytes(bytes)}`).join(', ')}; ours are TypeScript as it is written, with its comments, and jose, which is not needed, has its declarations beside it`,
    ],
  };
};

/** What `npm pack` would put into the archive, without tests and what is built from the source. */
function packageAt(folder: string): Package {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  const told = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [packed] = JSON.parse(told) as {
    readonly files: readonly { readonly path: string; readonly size: number }[];
  }[];
  if (packed === undefined) throw new Error(`npm packs nothing of ${folder}`);
  const isOurs = manifest.name.startsWith('@tessera/');
  const files = packed.files.filter(({ path }) => !isOurs || path === 'package.json' || path.startsWith('src/'));
  return {
    name: manifest.name,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    needed: Object.keys(manifest.dependencies ?? {}).map((name) => packageAt(folderOf(name, folder))),
  };
}

function folderOf(name: string, from: string): string {
  const found = createRequire(join(from, 'package.json'))
    .resolve.paths(name)
    ?.map((path) => join(path, name))
    .find((path) => isPackage(path));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

function isPackage(folder: string): boolean {
  try {
    return readFileSync(join(folder, 'package.json')).length > 0;
  } catch {
    return false;
  }
}

/** Each package once. */
function closureOf({ needed }: Package): readonly Package[] {
  const all = needed.flatMap((one) => [one, ...closureOf(one)]);
  return all.filter(({ name }, at) => all.findIndex((other) => other.name === name) === at);
}

function sumOf(packages: readonly Package[]): number {
  return packages.reduce((sum, { bytes }) => sum + bytes, 0);
}

function kibibytes(bytes: number): string {
  return `${Math.round(bytes / 1024).toLocaleString('en')} KiB`;
}
