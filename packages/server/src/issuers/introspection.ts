/** Asking another server about a token (RFC 7662): each text once at a time, so many at once, and not at all for a moment where it fails. */
import { Buffer } from 'node:buffer';
import type { UnreadClaims } from '../core/issuers/claims.ts';
import type { Introspection } from '../core/issuers/foreign-tokens.ts';
import type { Issuer } from '../core/issuers/issuer.ts';
import type { IssuerEvents } from './issuer-events.ts';
import type { Outbound } from './outbound.ts';

export interface IntrospectionOptions {
  readonly outbound: Pick<Outbound, 'json'>;
  /** The client secret of an issuer. */
  readonly secretOf: (issuer: Issuer) => Promise<string>;
  /** Milliseconds on a clock that only goes forward. */
  readonly monotonic: () => number;
  readonly events: IssuerEvents;
}

/** Questions under way to one issuer; what is more is refused at once, as `fault`. */
const MOST_AT_ONCE = 32;
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 5000;
/** Inactive tokens are asked about again after this: strangers must not make us ask for each request. */
const INACTIVE_MS = 1000;
const MOST_INACTIVE = 1000;

/** One issuer in one of its versions: what is true of another URL or secret is not of this one. */
interface Line {
  readonly asking: Map<string, Promise<UnreadClaims | undefined>>;
  readonly inactive: Map<string, number>;
  secret: Promise<string> | undefined;
  failures: number;
  closedAgainAt: number;
}

export function introspection(options: IntrospectionOptions): Introspection {
  const { outbound, monotonic, events } = options;
  const lines = new Map<string, { readonly version: number; readonly line: Line }>();

  const lineOf = ({ id, version }: Issuer): Line => {
    const known = lines.get(id);
    if (known?.version === version) return known.line;
    const line = { asking: new Map(), inactive: new Map(), secret: undefined, failures: 0, closedAgainAt: 0 };
    lines.set(id, { version, line });
    return line;
  };

  const question = async (issuer: Issuer, text: string, line: Line): Promise<UnreadClaims | undefined> => {
    try {
      line.secret ??= options.secretOf(issuer);
      const answer = await outbound.json(...request(issuer, text, await line.secret));
      if (typeof answer.active !== 'boolean') throw new Error('the answer does not say whether the token is active');
      line.failures = 0;
      events.introspected('answered');
      if (!answer.active) remember(line, text, monotonic());
      return answer.active ? answer : undefined;
    } catch (error) {
      line.secret = undefined;
      line.failures += 1;
      events.introspected('failed');
      if (line.failures >= FAILURES_TO_OPEN) {
        if (line.failures === FAILURES_TO_OPEN) events.opened(issuer.issuer, error);
        line.closedAgainAt = monotonic() + OPEN_MS;
      }
      throw new Error('the issuer cannot be asked about its token', { cause: error });
    } finally {
      line.asking.delete(text);
    }
  };

  return {
    async ask(issuer, text) {
      const line = lineOf(issuer);
      const now = monotonic();
      if ((line.inactive.get(text) ?? now) > now) return undefined;
      const underWay = line.asking.get(text);
      if (underWay !== undefined) return underWay;
      // After the pause one question tries it; the others wait for what becomes of it.
      const isTried = line.failures >= FAILURES_TO_OPEN && (now < line.closedAgainAt || line.asking.size > 0);
      if (isTried || line.asking.size >= MOST_AT_ONCE) {
        events.introspected('refused');
        throw new Error('the issuer is not asked now: it fails, or is asked too much at once');
      }
      const asked = question(issuer, text, line);
      line.asking.set(text, asked);
      return asked;
    },
  };
}

function remember({ inactive }: Line, text: string, now: number): void {
  if (inactive.size >= MOST_INACTIVE) inactive.clear();
  inactive.set(text, now + INACTIVE_MS);
}

/** RFC 7662 section 2.1, with the client authenticated as RFC 6749 section 2.3.1 has it. */
function request({ method }: Issuer, text: string, secret: string): Parameters<Outbound['json']> {
  if (!('introspection' in method)) throw new Error('this issuer is not asked about its tokens');
  const { url, clientId, authentication } = method.introspection;
  const form = new URLSearchParams({ token: text, token_type_hint: 'access_token' });
  if (authentication === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', secret);
    return [url, { form }];
  }
  const pair = `${formText(clientId)}:${formText(secret)}`;
  return [url, { form, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } }];
}

/** One value as a form spells it (application/x-www-form-urlencoded). */
function formText(value: string): string {
  return new URLSearchParams({ '': value }).toString().slice(1);
}
