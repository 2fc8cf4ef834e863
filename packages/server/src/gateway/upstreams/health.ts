/** Active health checks: asks a target from time to time how it is, on a connection of its own, and tells what changed. */
import { Client, type Dispatcher } from 'undici';
import type { HealthCheck } from '../../core/compiled-upstream.ts';

export interface CheckOptions {
  readonly connections: Client.Options;
  /** Called when so many answers in a row contradict what was found before. Must not throw. */
  readonly onChange: (healthy: boolean, reason: string) => void;
}

export interface Checking {
  stop(): void;
}

/** Checks now, and then at every interval, one check at a time. */
export function startChecking(url: string, check: HealthCheck, { connections, onChange }: CheckOptions): Checking {
  let healthy = true;
  let contradictions = 0;
  let running = false;
  const stopped = new AbortController();
  const look = async (): Promise<void> => {
    // A check ends before the next one is due; but a process that was paused may have missed that.
    if (running) return;
    running = true;
    const { good, reason } = await ask(url, check, connections);
    running = false;
    if (stopped.signal.aborted) return;
    contradictions = good === healthy ? 0 : contradictions + 1;
    if (contradictions < (healthy ? check.unhealthy : check.healthy)) return;
    healthy = good;
    contradictions = 0;
    onChange(healthy, reason);
  };
  const timer = setInterval(() => void look(), check.intervalMs);
  timer.unref();
  void look();
  return {
    stop() {
      clearInterval(timer);
      stopped.abort();
    },
  };
}

interface Finding {
  readonly good: boolean;
  readonly reason: string;
}

/** A new connection each time: whether one can be made is half of what is asked. Redirects are not followed. Never rejects. */
async function ask(url: string, check: HealthCheck, connections: Client.Options): Promise<Finding> {
  const client = new Client(url, connections);
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const timer = setTimeout(
    () => resolve({ good: false, reason: `no answer within ${check.timeoutMs} ms` }),
    check.timeoutMs,
  );
  client.dispatch({ path: check.path, method: 'GET', headers: HEADERS as string[] }, listening(check, resolve));
  const finding = await promise;
  clearTimeout(timer);
  // Whatever is still connecting, or sending a body that nobody needs, ends here.
  await client.destroy();
  return finding;
}

const HEADERS: readonly string[] = Object.freeze(['User-Agent', 'Tessera-Health-Check']);

function listening({ status }: HealthCheck, resolve: (finding: Finding) => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart() {},
    onResponseStart(_controller, code) {
      if (code < 200) return;
      const good = status === undefined ? code < 300 : status.has(code);
      resolve({ good, reason: `answered ${code}` });
    },
    onResponseData() {},
    onResponseEnd() {},
    onResponseError(_controller, error) {
      resolve({ good: false, reason: error.message });
    },
  };
}
