/** Programs of the system that a bench uses where they are there. */
import { spawnSync } from 'node:child_process';

/** The version that `nginx -v` or `haproxy -v` tells; undefined where the program is not there. */
export function installedVersion(name: string): string | undefined {
  const { stdout, stderr, error } = spawnSync(name, ['-v'], { encoding: 'utf8' });
  return error === undefined ? /[0-9]+\.[0-9.]+[0-9]/.exec(stdout + stderr)?.[0] : undefined;
}
