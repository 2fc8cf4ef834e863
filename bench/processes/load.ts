/**
 * Makes the requests of the benches over HTTP, one order after the other. Raw sockets and bytes made beforehand: what
 * serves them costs several times as much, so that the load is never the bottleneck.
 */
import { type ClosedOrder, type ClosedReport, closedLoop } from '../load/closed-loop.ts';
import { type OpenOrder, type OpenReport, openLoop } from '../load/open-loop.ts';
import { type Requests, requestsOf } from '../rig/requests.ts';

const made = new Map<string, Requests>();
let order: ClosedOrder | OpenOrder | undefined;

process.on('message', (message: ClosedOrder | OpenOrder | { readonly go: true }) => {
  if (!('go' in message)) {
    order = message;
    prepared(order);
    process.send?.({ ready: true });
  } else if (order !== undefined) {
    run(order).then(
      (report) => process.send?.(report),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  }
});

function run(given: ClosedOrder | OpenOrder): Promise<ClosedReport | OpenReport> {
  return 'rate' in given ? openLoop(given, prepared(given)) : closedLoop(given, prepared(given));
}

function prepared({ kind, tokens }: ClosedOrder | OpenOrder): Requests {
  const name = `${kind} ${tokens}`;
  const requests = made.get(name) ?? requestsOf(kind, tokens);
  made.set(name, requests);
  return requests;
}
