/** The tries of one request: which target has it, what was sent there, and which one it may be offered to next. */
import { UploadError } from '../upload.ts';
import type { Outcome } from './service.ts';
import type { Target } from './target.ts';
import type { Upstream } from './upstream.ts';

/** RFC 9110 section 9.2.2, less TRACE, which is never forwarded. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Has a lifetime: made with the target that was picked, it ends with `ended` or with a `failed` that has no `next`. */
export class Tries {
  readonly #upstream: Upstream;
  #target: Target;
  #term: number;
  #began: number;
  #sent = false;
  #status: number | undefined;
  #tried: readonly Target[] = [];

  constructor(upstream: Upstream, target: Target) {
    this.#upstream = upstream;
    this.#target = target;
    this.#term = target.term;
    this.#began = upstream.now();
  }

  get target(): Target {
    return this.#target;
  }

  /** The first byte is about to be written. From here on nothing is sent again. */
  sending(): void {
    this.#sent = true;
  }

  answering(status: number): void {
    this.#status = status;
    this.#upstream.meter.request(status, this.#seconds());
    this.#target.answering(status, this.#term);
  }

  ended(): void {
    this.#target.settle('good', this.#term, this.#status);
  }

  /** The try is over, with an error; the answer says how that counts. */
  failed(error: Error): Outcome {
    const outcome = outcomeOf(error, this.#sent);
    if (this.#status === undefined && outcome !== 'none') this.#upstream.meter.request(undefined, this.#seconds());
    // A client that leaves a stream of events has heard what it wanted to.
    const left = outcome === 'none' && this.#status !== undefined;
    this.#target.settle(left ? 'good' : outcome, this.#term, this.#status);
    return outcome;
  }

  /**
   * Another target, which counts as having the request now; undefined: there is none, or the request must not be offered
   * again. Only after `failed` said that the last one was unreachable.
   */
  next(method: string): Target | undefined {
    if (this.#sent || this.#tried.length >= this.#upstream.settings.retries || !IDEMPOTENT.has(method))
      return undefined;
    this.#tried = [...this.#tried, this.#target];
    const next = this.#upstream.pick(this.#tried);
    if ('none' in next) return undefined;
    this.#target = next;
    this.#term = next.term;
    this.#began = this.#upstream.now();
    this.#upstream.meter.retried();
    return next;
  }

  #seconds(): number {
    return (this.#upstream.now() - this.#began) / 1000;
  }
}

/** `sent` is what proves that something was: the client says so before it writes the first byte, and never afterwards. */
function outcomeOf(error: Error & { readonly code?: string }, sent: boolean): Outcome {
  if (error instanceof UploadError) return 'none';
  if (sent) return 'failed';
  const { code = '' } = error;
  // Refused by our own client, as nothing that it would send: the target never heard of it.
  return code.startsWith('UND_ERR_') && !OF_CONNECTING.has(code) ? 'none' : 'unreachable';
}

const OF_CONNECTING: ReadonlySet<string> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_SOCKET']);
