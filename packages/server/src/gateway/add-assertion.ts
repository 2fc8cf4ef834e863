/** The signed assertion of who calls, for routes that send one. */
import type { Assertions } from '../core/assertions.ts';
import type { Incoming } from '../http/edge.ts';
import type { Admitted } from './upstream-fields.ts';

export interface AssertedRequest {
  readonly incoming: Pick<Incoming, 'method' | 'requestId'>;
  readonly admitted: Admitted;
  /** Path and query, as they are sent. */
  readonly target: string;
}

/** Appends `X-Tessera-Assertion`, where anybody was shown to ask. Throws where there is no key to sign it: the upstream would take the call for nobody's. */
export function addAssertion(
  fields: string[],
  { incoming, admitted, target }: AssertedRequest,
  assertions: Assertions | undefined,
): void {
  const { route, principal } = admitted;
  if (route.assertion === undefined || principal === undefined) return;
  if (assertions === undefined)
    throw new Error(`route ${route.name} sends an assertion, and there is no key to sign it`);
  const { method, requestId } = incoming;
  const { audience } = route.assertion;
  fields.push(
    'X-Tessera-Assertion',
    assertions.sign({ principal, audience, route: route.name, requestId, method, target }),
  );
}
