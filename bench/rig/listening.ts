/** When a program that was told its port takes connections. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from './child.ts';

const TRY_EVERY_MILLISECONDS = 20;

/** Resolves as soon as the program takes connections; rejects where it ends before. */
export async function listening(port: number, program: Program): Promise<void> {
  const tried = async (): Promise<void> => {
    while (!(await accepts(port))) await delay(TRY_EVERY_MILLISECONDS);
  };
  await Promise.race([tried(), program.ended]);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
