/** Verifiers that follow a node and judge nothing. */
import { createVerifier } from '@tessera/verify';
import { verifierToken } from '../rig/platform-api.ts';

export interface IdleVerifiersOrder {
  readonly port: number;
  readonly verifiers: number;
}

export interface IdleVerifiersReport {
  /** Verifiers whose news is fresh. */
  readonly following: number;
  /** Streams that were lost since the last report. */
  readonly lost: number;
}

/** Streams that are opened at once: a fleet does not start in one moment. */
const TOGETHER = 50;
const FRESH_SECONDS = 3;

const verifiers: ReturnType<typeof createVerifier>[] = [];
let lost = 0;

process.on('message', (message: IdleVerifiersOrder | { readonly count: true }) => {
  if ('count' in message) report();
  else
    follow(message).then(report, (error: unknown) => {
      console.error(error);
      process.exit(1);
    });
});

function report(): void {
  const following = verifiers.filter((verifier) => verifier.metrics().lagSeconds <= FRESH_SECONDS).length;
  process.send?.({ following, lost } satisfies IdleVerifiersReport);
  lost = 0;
}

async function follow({ port, verifiers: count }: IdleVerifiersOrder): Promise<void> {
  const token = await verifierToken(port);
  const start = () =>
    createVerifier({
      url: `http://127.0.0.1:${port}`,
      token,
      audience: 'default',
      onEvent({ type }) {
        if (type === 'lost') lost += 1;
      },
    });
  while (verifiers.length < count) {
    const next = Array.from({ length: Math.min(TOGETHER, count - verifiers.length) }, start);
    await Promise.all(next.map((verifier) => verifier.ready()));
    verifiers.push(...next);
  }
}
