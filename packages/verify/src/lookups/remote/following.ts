/** Follows the change feed over one stream for as long as the verifier lives: reconnects, resumes, and notices silence. */
import { eventReader, type ServerEvent } from './event-reader.ts';
import type { News, StreamNews } from './news.ts';
import type { Change } from './recent-changes.ts';
import type { ServerCalls } from './server-calls.ts';
import { type Place, readBeat, readChange, readMissed } from './wire.ts';

export interface FollowingOptions {
  readonly calls: Pick<ServerCalls, 'stream'>;
  readonly news: Pick<News, 'asked'>;
  readonly monotonic: () => number;
  /** A stream that brings nothing for so many milliseconds is given up. */
  readonly silenceMs: number;
  /** From 0 to 1, as Math.random. */
  readonly random: () => number;
  /** Must be applied when it returns. */
  readonly onChange: (change: Change) => void;
  /** What happened before this position may be unknown: everything is to be forgotten. */
  readonly onRestart: (position: number) => void;
  /**
   * A stream was opened that goes on from this position, whatever became of the store since the last one ended: what was learnt beside the feed,
   * at a later position, may be of a history that is no more.
   */
  readonly onResumed: (position: number) => void;
  /** A beat was read: everything up to this position is applied. */
  readonly onPosition: (position: number) => void;
  /** The stream ended, or could not be opened; it is tried again. */
  readonly onLost: (error: unknown) => void;
}

export interface Following {
  start(): void;
  stop(): void;
}

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;
/**
 * A stream is opened anew after so long, so that what clocks drift apart does not add up; sooner where opening it took long or a machine
 * slept meanwhile, since for all of its life its news counts as older by that.
 */
const LIFE_MS = 600_000;
const SLOW_LIFE_MS = 2000;
const SLOW_OPENING_MS = 500;
/** Of the silence that is borne: how far behind a stream may be. The rest is for the beats that are to come. */
const SHARE_BEHIND = 0.25;

export function following(options: FollowingOptions): Following {
  const { calls, news, monotonic, silenceMs, random } = options;
  const stopped = new AbortController();
  let place: Place | undefined;
  let failures = 0;

  const apply = ({ type, data }: ServerEvent, stream: StreamNews): void => {
    if (type === 'alive') {
      const beat = readBeat(data);
      // The number went back: another history, of a store that was restored.
      if (place === undefined || beat.seq < place.seq) options.onRestart(beat.seq);
      place = beat;
      options.onPosition(place.seq);
      stream.vouched(beat);
      failures = 0;
    } else if (type === 'missed') {
      place = readMissed(data);
      options.onRestart(place.seq);
    } else {
      const read = readChange(type, data);
      if (place === undefined) options.onRestart(read.change.seq - 1);
      place = read.place;
      options.onChange(read.change);
    }
  };

  /** Resolves when the stream has lived its life; rejects where it ended before. */
  const follow = async (): Promise<void> => {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    stopped.signal.addEventListener('abort', abort, { once: true });
    const askedAt = monotonic();
    let heardAt = askedAt;
    let isOpen = false;
    const watch = setInterval(() => {
      if (monotonic() - heardAt > silenceMs) abort();
    }, silenceMs / 4);
    try {
      const stream = news.asked();
      const bytes = await calls.stream(pathFrom(place), controller.signal);
      isOpen = true;
      if (place !== undefined) options.onResumed(place.seq);
      const openedAt = monotonic();
      const life = openedAt - askedAt > SLOW_OPENING_MS ? SLOW_LIFE_MS : LIFE_MS * (0.75 + random() / 4);
      const read = eventReader();
      let behindSince: number | undefined;
      for await (const chunk of bytes) {
        heardAt = monotonic();
        for (const event of read(chunk)) apply(event, stream);
        // What waited in a buffer while the process was paused is read at once, and is behind no longer.
        if (stream.behindMs() <= silenceMs * SHARE_BEHIND) behindSince = undefined;
        else behindSince ??= heardAt;
        if (heardAt - openedAt > life || heardAt - (behindSince ?? heardAt) > SLOW_LIFE_MS) return;
      }
      throw new Error('the server ended it');
    } catch (error) {
      // What breaks an answer off, such as `terminated`, does not say of what.
      throw isOpen ? new Error('the change feed broke off', { cause: error }) : error;
    } finally {
      clearInterval(watch);
      stopped.signal.removeEventListener('abort', abort);
      abort();
    }
  };

  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        await follow();
      } catch (error) {
        if (stopped.signal.aborted) return;
        options.onLost(error);
        await pause(backoff(failures, random), stopped.signal);
        failures += 1;
      }
    }
  };

  return {
    start: () => void run(),
    stop: () => stopped.abort(),
  };
}

/** With the mark the server finds out that its change with this number is another one, however many came after it. */
function pathFrom(place: Place | undefined): string {
  if (place === undefined) return '/v1/changes';
  return `/v1/changes?since=${place.seq}${place.mark === '' ? '' : `&mark=${encodeURIComponent(place.mark)}`}`;
}

/** Doubled from failure to failure; half of it at random, so that not all verifiers of a server that restarts come back at once. */
function backoff(failures: number, random: () => number): number {
  const full = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10));
  return full * (0.5 + random() / 2);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
