/** A script that Redis runs as one step: nothing of anybody else comes between its reads and its writes. */
import { hash } from 'node:crypto';

export interface Script {
  readonly text: string;
  /** What Redis calls it once it has seen it. */
  readonly sha: string;
}

export function script(text: string): Script {
  return Object.freeze({ text, sha: hash('sha1', text) });
}

/**
 * The server's time in milliseconds: one clock for all nodes, whatever theirs say. A script that reads it and then writes
 * needs a Redis that replicates effects and not scripts, as all do since version 5.
 */
export const SERVER_TIME = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** Whole numbers up to 2^53 as text; what Lua writes by itself is rounded to 14 digits. */
export const AS_TEXT = `
local function text(number) return string.format('%.0f', number) end
`;

/**
 * Reads since when this Redis has counted, in `mark`, and begins to where nothing says so. The mark is gone with everything
 * else when Redis is emptied, and each process of Redis has its own: nobody takes one that has forgotten, or a replica that
 * was promoted before it had heard of everything, for one in which nothing happened.
 */
export const READ_MARK = `
local mark = redis.call('GET', KEYS[1])
if not mark then
  mark = text(now)
  if writes then redis.call('SET', KEYS[1], mark) end
end
`;
