/** Follows the change feed over one streaming connection at a time, and takes it up again where it broke. */
import type { Output, Query } from '@tessera/contract';
import type { Call } from './call-types.ts';
import type { Settings } from './client-options.ts';
import { eventReader, type StreamEvent } from './event-stream.ts';
import { failureOf, notOurs, readText, refusalOf, sendRequest } from './exchange.ts';
import { makeRequest } from './request.ts';
import { backoff, mayRepeat, retryDelay } from './retry.ts';
import { TesseraError } from './tessera-error.ts';

export type Change = Output<'changes.list'>['items'][number];

export interface FollowOptions {
  /** `seq` of the last change that is known. Default: the newest one now. */
  readonly since?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A connection that brings nothing for so long, not even a heartbeat, is taken for broken; default 5,000. */
  readonly silenceMs?: number | undefined;
}

const DEFAULT_SILENCE_MS = 5_000;
const MISSED = 'The feed cannot tell what changed';

interface Means {
  readonly call: Call;
  readonly settings: Settings;
}

/**
 * @throws TesseraError where trying again cannot help; with code `missed` where changes may be unknown: begin anew, without
 *   `since`, and read what you keep again. The reason of `signal` when that aborts.
 */
export async function* followChanges(options: FollowOptions, means: Means): AsyncGenerator<Change, void, undefined> {
  const { signal, silenceMs = DEFAULT_SILENCE_MS } = options;
  // Known before the first connection: one that breaks before it has told anything must not lose what came meanwhile.
  let mark: string | undefined;
  let position = options.since ?? (await means.call('changes.list', { query: { limit: 1 }, signal })).latest;
  for (let failures = 0; ; failures += 1) {
    let heard = 0;
    let failure: TesseraError | undefined;
    try {
      for await (const event of stream({ since: position, mark }, { signal, silenceMs }, means.settings)) {
        heard += 1;
        // The first is sent by any server that takes the call, also by one that ends it at once.
        if (heard > 1) failures = 0;
        if (event.event === 'missed')
          throw new TesseraError({ kind: 'missed', title: MISSED, detail: `after ${position}` });
        const change = changeOf(event);
        if (change === undefined || change.seq <= position) continue;
        position = change.seq;
        mark = change.mark;
        yield change;
      }
      signal?.throwIfAborted();
    } catch (error) {
      if (signal?.aborted === true || !mayRepeat(error, true)) throw error;
      failure = error;
    }
    await means.settings.pause(failure === undefined ? backoff(failures) : retryDelay(failure, failures), signal);
  }
}

/** The events of one connection, until it ends. */
async function* stream(
  place: Query<'changes.list'>,
  { signal, silenceMs }: { readonly signal: AbortSignal | undefined; readonly silenceMs: number },
  settings: Settings,
): AsyncGenerator<StreamEvent, void, undefined> {
  const request = makeRequest('changes.list', { query: place }, settings);
  const ended = new AbortController();
  const both = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]);
  let bound = settings.timeoutMs;
  /** Runs only while something is waited for: a caller may take its time with a change. */
  const within = async <T>(work: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => ended.abort(), bound);
    return work.finally(() => clearTimeout(timer));
  };
  try {
    const headers = { ...request.headers, accept: 'text/event-stream' };
    const response = await within(sendRequest({ ...request, headers }, settings, both));
    if (response.status !== 200) {
      throw refusalOf(response, await within(readText(response, settings.maxResponseBytes)), [settings.token]);
    }
    if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true || response.body === null) {
      throw notOurs('no stream of events', response);
    }
    bound = silenceMs;
    const read = eventReader();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await within(reader.read());
      if (done) return;
      yield* read(decoder.decode(value, { stream: true }));
    }
  } catch (error) {
    throw failureOf(error, request, { signal, timedOut: ended.signal.aborted, timeoutMs: bound });
  } finally {
    // Also where the caller stops in the middle: the connection is not kept for nobody.
    ended.abort();
  }
}

/** Undefined for a heartbeat. */
function changeOf({ event, data }: StreamEvent): Change | undefined {
  if (event === 'alive' || data === '') return undefined;
  const change = parse(data);
  if (change?.kind !== event) throw new TesseraError({ kind: 'protocol', title: 'The feed told of no change' });
  return change;
}

function parse(text: string): Change | undefined {
  try {
    const { seq, mark, at, kind, id } = JSON.parse(text) as Readonly<Record<keyof Change, unknown>>;
    const known =
      typeof mark === 'string' && typeof at === 'string' && typeof kind === 'string' && typeof id === 'string';
    return known && typeof seq === 'number' && Number.isSafeInteger(seq) ? { seq, mark, at, kind, id } : undefined;
  } catch {
    return undefined;
  }
}
