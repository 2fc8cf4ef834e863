/** The request target and Host, in one spelling each: the same string is matched and sent (RFC 9112 section 3). */
import { isIPv6 } from 'node:net';
import { canonicalPath } from '../core/canonical-path.ts';

export interface Target {
  /** Canonical path, starting with one `/`. */
  readonly path: string;
  /** Without `?`; as it was sent, for what a query means is the upstream's affair. */
  readonly query: string;
}

export interface Authority {
  /** Lower-case host name or address, without trailing dot and port: what routes match. */
  readonly name: string;
  /** The name, with the port where it is no default one. */
  readonly text: string;
}

/** Visible ASCII but `#`: nothing that could end the request line, and no fragment, which is never sent. */
const SENDABLE = /^[!"$-~]*$/;
const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i;

/** The target of a request for this authority, or undefined where it is not well formed or names another authority. */
export function parseTarget(written: string, host: Authority): Target | undefined {
  if (!SENDABLE.test(written)) return undefined;
  const local = written[0] === '/' ? written : ofAbsoluteForm(written, host);
  if (local === undefined) return undefined;
  const mark = local.indexOf('?');
  const path = canonicalPath(mark < 0 ? local : local.slice(0, mark));
  return path === undefined ? undefined : { path, query: mark < 0 ? '' : local.slice(mark + 1) };
}

/** RFC 9112 section 3.2.2 lets the authority of the target win over Host; where they differ, somebody is being fooled. */
function ofAbsoluteForm(written: string, host: Authority): string | undefined {
  const [, authority = '', rest = ''] = ABSOLUTE.exec(written) ?? [];
  if (parseAuthority(authority)?.text !== host.text) return undefined;
  return rest[0] === '/' ? rest : `/${rest}`;
}

const NAME_AND_PORT = /^(?:([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?|(\[[0-9A-Fa-f:.]+\]))(?::([0-9]{0,5}))?$/;
const LONGEST_NAME = 253;

/** Few names serve many requests; strangers cannot make us remember more than so many. */
const MOST_KNOWN = 256;
const known = new Map<string, Authority>();

/** Host and port (RFC 9110 section 7.2), or undefined where they are not valid. User information is not. */
export function parseAuthority(written: string): Authority | undefined {
  const before = known.get(written);
  if (before !== undefined) return before;
  const authority = readAuthority(written);
  if (authority === undefined) return undefined;
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(written, authority);
  return authority;
}

function readAuthority(written: string): Authority | undefined {
  const [, name, literal, port = ''] = NAME_AND_PORT.exec(written) ?? [];
  const host = (name ?? literal)?.toLowerCase();
  if (host === undefined || host.length > LONGEST_NAME) return undefined;
  if (literal !== undefined && !isIPv6(literal.slice(1, -1))) return undefined;
  if (port === '' || port === '80' || port === '443') return { name: host, text: host };
  const number = Number(port);
  return number === 0 || number > 65_535 ? undefined : { name: host, text: `${host}:${number}` };
}
