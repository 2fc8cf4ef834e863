/** Limits as people write them: `100/60s`, `burst=20` and others of its fields behind it, `name=` before it; `10000/day`; credits `500` or `500,100/day`. */
import type { BodyInput } from '@tessera/contract';
import { InvalidArgumentError } from 'commander';
import { parseDuration } from './duration.ts';

export type Limit = NonNullable<BodyInput<'tokens.create'>['limits']>[number];
type Mode = NonNullable<Limit['mode']>;
type OnFault = NonNullable<Limit['onFault']>;
export type Quota = NonNullable<BodyInput<'tokens.create'>['quota']>;

const HOW = 'Write it as 100/60s, api=100/1m, or 100/1m,burst=20,cost=5,mode=approximate,onFault=open.';
const RATE = /^(?:([a-z0-9][a-z0-9_-]{0,63})=)?([0-9]{1,7})\/([0-9A-Z]+[smhdw]?|[smhdw])$/;
const WHOLE = /^[1-9][0-9]{0,6}$/;

/** @throws InvalidArgumentError */
export function parseLimit(text: string): Limit {
  const [rate = '', ...extras] = text.split(',');
  const match = RATE.exec(rate);
  if (match === null) throw new InvalidArgumentError(HOW);
  const [, name, count = '', every = ''] = match;
  // `100/m` reads as `100/1m`.
  const window = parseDuration(/^[smhdw]$/.test(every) ? `1${every}` : every);
  return { ...(name === undefined ? {} : { name }), limit: whole(count), window, ...readExtras(extras) };
}

/** @throws InvalidArgumentError */
export function parseQuota(text: string): Quota {
  const match = /^([1-9][0-9]{0,12})\/(day|month)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write it as 10000/day or 10000/month.');
  return { limit: Number(match[1]), period: match[2] === 'day' ? 'day' : 'month' };
}

export type Credits = NonNullable<BodyInput<'tokens.create'>['credits']>;

/** So many requests, and behind a comma what they are refilled to at the start of each day or month. @throws InvalidArgumentError */
export function parseCredits(text: string): Credits {
  const [count = '', refill, ...rest] = text.split(',');
  if (!/^(?:0|[1-9][0-9]{0,12})$/.test(count) || rest.length > 0)
    throw new InvalidArgumentError('Write it as 500, or as 500,100/day or 500,100/month.');
  if (refill === undefined) return { remaining: Number(count) };
  const { limit: amount, period } = parseQuota(refill);
  return { remaining: Number(count), refill: { amount, period } };
}

/** @throws InvalidArgumentError */
export function parseCount(text: string): number {
  if (!/^[1-9][0-9]{0,12}$/.test(text)) throw new InvalidArgumentError('Write it as a whole number from 1.');
  return Number(text);
}

function readExtras(extras: readonly string[]): Partial<Limit> {
  const read: { burst?: number; cost?: number; mode?: Mode; onFault?: OnFault } = {};
  for (const extra of extras) {
    const [key, value = ''] = extra.split('=', 2);
    if ((key === 'burst' || key === 'cost') && read[key] === undefined) read[key] = whole(value);
    else if (key === 'mode' && read.mode === undefined && isMode(value)) read.mode = value;
    else if (key === 'onFault' && read.onFault === undefined && isOnFault(value)) read.onFault = value;
    else throw new InvalidArgumentError(HOW);
  }
  return read;
}

function isMode(value: string): value is Mode {
  return value === 'exact' || value === 'approximate' || value === 'shadow';
}

function isOnFault(value: string): value is OnFault {
  return value === 'closed' || value === 'open' || value === 'local';
}

function whole(text: string): number {
  if (!WHOLE.test(text)) throw new InvalidArgumentError(HOW);
  return Number(text);
}
