/** Tokens whose requests are counted exactly: what can be judged here was judged, and the server makes the verdict. */
import { type DenialCode, denials } from '../../denials.ts';
import type { LimitRule, TokenFacts } from '../../ports.ts';
import type { Asked } from '../../requirement.ts';
import { allow, deny, type LimitState, type Verdict } from '../../verdict.ts';
import { list, object, text, UnreadableFacts, whole } from '../strict-reader.ts';
import type { ServerCalls } from './server-calls.ts';
import { digestOnWire, recordOf } from './wire.ts';

/** Whether a request of this token costs something that only the server can count. */
export function isCounted({ limits, quotas, shadow }: TokenFacts): boolean {
  return limits.length > 0 || quotas.length > 0 || shadow !== undefined;
}

/** Rejects where the server does not answer, or not so that it can be understood. The server counts the use, too. */
export async function askedVerdict(
  facts: TokenFacts,
  asked: Asked,
  calls: Pick<ServerCalls, 'post'>,
): Promise<Verdict> {
  return readVerdict(await calls.post('/v1/verify', questionOf(facts, asked)), facts);
}

function questionOf({ secret }: TokenFacts, { requirement, circumstances }: Asked): object {
  const { audience, environment, scopes } = requirement;
  const { address, method, url, proof, cost } = circumstances;
  const target = url === undefined ? null : URL.parse(url);
  const request = {
    ...(method !== undefined && { method }),
    ...(target !== null && { host: target.host, path: target.pathname }),
    ...(address !== undefined && { ip: address }),
    // Of a bound token: the digest in the place of its text binds the proof to it as well.
    ...(proof !== undefined && { headers: { dpop: proof } }),
  };
  return {
    digest: digestOnWire(secret.key),
    ...(audience !== undefined && { audience }),
    ...(environment !== undefined && { env: environment }),
    ...(scopes.length > 0 && { scopes }),
    request,
    cost,
  };
}

const limitsOnWire = list(
  object<Pick<LimitState, 'name' | 'limit' | 'remaining' | 'resetSeconds'>>({
    name: text,
    limit: whole(0),
    remaining: whole(0),
    resetSeconds: whole(0),
  }),
);

function readVerdict(value: unknown, facts: TokenFacts): Verdict {
  const { valid, code, id, detail, limits, missingScopes, retryAfterSeconds } = recordOf(value);
  const states = limits === undefined ? [] : statesOf(limits, facts.limits, wholeOr0(retryAfterSeconds));
  if (valid === true && code === 'ok' && id === facts.id) return allow(facts, states);
  if (valid !== false || !isDenialCode(code)) throw new UnreadableFacts('/code: must be a code that is known');
  return deny(code, {
    principal: facts,
    limits: states,
    ...(typeof detail === 'string' && { detail }),
    ...(missingScopes !== undefined && { missingScopes: list(text)(missingScopes, '/missingScopes') }),
  });
}

/** The server tells the longest wait of all: it is that of the limits with nothing left, or else of each. */
function statesOf(value: unknown, rules: readonly LimitRule[], wait: number): readonly LimitState[] {
  const told = limitsOnWire(value, '/limits');
  const isUsedUp = told.some(({ remaining }) => remaining === 0);
  return told.map((state) => ({
    ...state,
    windowSeconds: rules.find(({ name }) => name === state.name)?.windowSeconds ?? 0,
    retryAfterSeconds: state.remaining === 0 || !isUsedUp ? wait : 0,
  }));
}

function wholeOr0(value: unknown): number {
  return value === undefined ? 0 : whole(0)(value, '/retryAfterSeconds');
}

function isDenialCode(code: unknown): code is DenialCode {
  return typeof code === 'string' && Object.hasOwn(denials, code);
}
