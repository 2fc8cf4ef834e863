/** How many workers there are to be. */

/** Elsewhere the system cannot deal the connections of one port out to several listeners (`SO_REUSEPORT`). */
const PLATFORM = 'linux';

export interface Machine {
  /** Threads that can run at once. */
  readonly cores: number;
  readonly platform: string;
}

/** What is wrong with the setting on this machine, as a text. */
export function workerCount(setting: 'auto' | number, { cores, platform }: Machine): number | string {
  if (platform === PLATFORM) return setting === 'auto' ? cores : setting;
  if (setting === 'auto' || setting === 1) return 1;
  return `workers: more than one needs Linux, and this is ${platform}; leave it at 1`;
}
