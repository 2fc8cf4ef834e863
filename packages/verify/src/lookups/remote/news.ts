/**
 * How old the newest proof is that no change was missed. A beat of the feed proves it as of when the server says, and never as
 * of when it is read: after a pause a whole minute of beats may wait in the buffers of the kernel, all of them old news.
 */

export interface NewsOptions {
  /** Milliseconds on a clock that never steps and counts while the process is paused. */
  readonly monotonic: () => number;
  /** After how many milliseconds without news what is kept is no longer believed. */
  readonly boundMs: number;
}

export interface News {
  /** Whether what is kept may be believed. Judged from the clock, at every verdict: after a pause no timer has run yet. */
  fresh(): boolean;
  /** Milliseconds since which changes may be unknown; infinite before the first proof. */
  ageMs(): number;
  /** A stream is asked for now. */
  asked(): StreamNews;
}

/** What a server says in a beat, in milliseconds on its own clock, whose zero means nothing to anybody else. */
export interface Beat {
  /** When the beat was sent. */
  readonly clock: number;
  /** Everything that was committed before this was sent before this beat. */
  readonly asOf: number;
}

export interface StreamNews {
  /** A beat arrived, after every change that was sent before it was applied. */
  vouched(beat: Beat): void;
  /**
   * Milliseconds that passed here since the stream was asked for, and not on the clock of the server up to its newest beat: it lay in a
   * buffer, or one of the two machines slept. Whatever the stream brings counts as older by that, for as long as it lasts.
   */
  behindMs(): number;
}

/** Of two clocks that count milliseconds, one may be this much faster. NTP slews by half of that at most. */
const DRIFT = 0.001;

export function createNews({ monotonic, boundMs }: NewsOptions): News {
  let provedAt = Number.NEGATIVE_INFINITY;
  const ageMs = (): number => monotonic() - provedAt;
  return {
    // Compared so that a clock that is no number believes nothing.
    fresh: () => ageMs() <= boundMs,
    ageMs,
    asked() {
      const askedAt = monotonic();
      let anchor: number | undefined;
      let behind = 0;
      return {
        behindMs: () => behind,
        vouched({ clock, asOf }) {
          // The server read its clock after it was asked: what it read later happened later than here by as much, or by more.
          anchor ??= clock;
          behind = monotonic() - askedAt - (clock - anchor);
          const since = asOf - anchor;
          const at = askedAt + since - Math.abs(since) * DRIFT;
          // Not from the future, whatever a server's clock does.
          provedAt = Math.max(provedAt, Math.min(at, monotonic()));
        },
      };
    },
  };
}
