/** Whether to use colour: the user's word first, then whether somebody is looking (no-color.org, force-color.org). */
import type { Edge } from '../edge.ts';

export function wantsColor(env: Edge['env'], isTTY: boolean): boolean {
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  return isTTY && env.TERM !== 'dumb';
}
