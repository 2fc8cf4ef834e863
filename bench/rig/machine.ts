/** What the figures depend on: the machine, and which core a process runs on. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';

export type Core = 'server' | 'load';

const CORES: Readonly<Record<Core, number>> = { server: 0, load: 1 };

/** Processes are pinned where there is something to pin with, and two cores to tell apart. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** What runs a command on a core. */
export function commandOn(core: Core, command: string): readonly [command: string, ...rest: string[]] {
  return pinned ? ['taskset', '--cpu-list', String(CORES[core]), command] : [command];
}

/** Taken before the run puts load on the machine itself: above 0.5 or so, something else does, and the figures suffer. */
const loadBefore = loadavg()[0] ?? Number.NaN;

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const cores = availableParallelism();
  const how = pinned ? 'server pinned to one core, load to another' : 'not pinned: no `taskset`, or a single core';
  return `${model}, ${cores} cores, ${process.platform}, Node ${process.version}, load average ${loadBefore.toFixed(1)} before the run; ${how}.`;
}

/** Seconds of CPU time that processes have used, NaN where the system does not tell. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
}

function cpuSecondsOf(pid: number): number {
  const [, fields = ''] = /^.*\) (.*)$/s.exec(read(`/proc/${pid}/stat`)) ?? [];
  const [user, system] = fields.split(' ').slice(11, 13);
  const TICKS_A_SECOND = 100;
  return user === undefined ? Number.NaN : (Number(user) + Number(system)) / TICKS_A_SECOND;
}

/** Resident memory of a process in MiB, NaN where the system does not tell. */
export function residentMebibytes(pid: number): number {
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1]) / 1024;
}

/** The most resident memory that a process has ever had, in MiB; NaN where the system does not tell. */
export function highestMebibytes(pid: number): number {
  return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1]) / 1024;
}

/** Files that a process may have open, sockets among them; NaN where the system does not tell. */
export function openFilesLimit(pid: number): number {
  return Number(/^Max open files +([0-9]+) /m.exec(read(`/proc/${pid}/limits`))?.[1]);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
