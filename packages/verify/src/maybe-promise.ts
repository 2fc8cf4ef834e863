/** Values that may still be on their way: a verdict made in memory costs no turn of the event loop. */

export type MaybePromise<T> = T | Promise<T>;

/** Applies `next` now where the value is here, later where it is not. */
export function chain<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
