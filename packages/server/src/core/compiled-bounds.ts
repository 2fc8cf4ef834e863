/** How much of a request a route takes, and for how long. */

export interface BoundsConfig {
  readonly maxBodyBytes?: number | undefined;
  /** Seconds. */
  readonly requestTimeout?: number | undefined;
}

export interface Bounds {
  /** Infinity: any length. */
  readonly maxBodyBytes: number;
  /** From the header section to the last byte of the body. */
  readonly requestTimeoutMs: number;
}

export const BOUNDS: Bounds = Object.freeze({ maxBodyBytes: Number.POSITIVE_INFINITY, requestTimeoutMs: 3_600_000 });

/** A route's own bounds, and those of all routes where it says nothing. */
export function compileBounds({ maxBodyBytes, requestTimeout }: BoundsConfig, otherwise: Bounds = BOUNDS): Bounds {
  return Object.freeze({
    maxBodyBytes: maxBodyBytes ?? otherwise.maxBodyBytes,
    requestTimeoutMs: requestTimeout === undefined ? otherwise.requestTimeoutMs : requestTimeout * 1000,
  });
}
