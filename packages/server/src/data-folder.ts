/** The data folder: made for its owner alone, and the master key in it where no setting names one. */
import { Buffer } from 'node:buffer';
import { type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartRefused } from './core/start-refused.ts';

const KEY_FILE = 'master.key';
const KEY_BYTES = 32;

/** Makes the folder (mode 0700) where it is missing. Throws what the file system throws. */
export function ensureDataFolder(folder: string): void {
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

export interface MasterKeyTerms {
  readonly setting: KeyObject | undefined;
  /** `draw`: one that is missing is made, at the first start; `need`: it has to be there; `optional`: there may be none. */
  readonly missing: 'draw' | 'need' | 'optional';
}

/** The setting's key; else the one in the folder. Throws `StartRefused` for none that has to be there, or a file that is no key. */
export function masterKey(folder: string, { setting, missing }: MasterKeyTerms): Uint8Array | undefined {
  if (setting !== undefined) return setting.export();
  const path = join(folder, KEY_FILE);
  if (!existsSync(path)) {
    if (missing === 'optional') return undefined;
    if (missing === 'need')
      throw new StartRefused(`${path} is missing: a data plane needs the master key of its platform`);
    drawKey(path);
  }
  if ((statSync(path).mode & 0o077) !== 0) throw new StartRefused(`${path} can be read by others: chmod 600 it`);
  const text = readFileSync(path, 'latin1').trim();
  if (!/^[0-9a-f]{64}$/.test(text)) throw new StartRefused(`${path} does not hold ${KEY_BYTES} bytes in hex`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Written aside and linked into place: of two processes that start at once, one key wins and it is whole. */
function drawKey(path: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(aside, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { mode: 0o600, flush: true, flag: 'wx' });
  try {
    linkSync(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(aside);
  }
}
