/** The access log: one line for each call through a door that guards other people's services. */
import type { Scrubber } from './log-line.ts';

export interface AccessEntry {
  readonly door: string;
  /** Its name in the configuration: letters, digits, `.`, `_` and `-`. */
  readonly route: string | undefined;
  readonly requestId: string | undefined;
  readonly method: string | undefined;
  /** Never with its query. */
  readonly path: string | undefined;
  readonly address: string | undefined;
  readonly status: number;
  readonly verdict: string;
  /** What policies in shadow mode would have refused it for, as `policy:code`, with spaces between. */
  readonly shadow?: string | undefined;
  /** Id of the token, where it was found. */
  readonly token: string | undefined;
}

export type AccessLog = (entry: AccessEntry) => void;

/**
 * Lines as the logger writes them, put together by hand: there is one for every request, and a serialiser that knows
 * nothing of its input takes several times as long. What comes from outside is looked at as the scrubber would; all else
 * is from closed sets, from the configuration or made here, and holds nothing that JSON would escape.
 *
 * @param now milliseconds since the epoch
 */
export function accessLines(now: () => number, { suspects, scrub }: Scrubber): (entry: AccessEntry) => string {
  const time = isoTimes();
  return (entry) => {
    const { door, route, requestId, method, path, address, status, verdict, shadow, token } = entry;
    const at = time(now());
    if (suspects(`${path} ${requestId} ${method} ${address}`))
      return scrub(`${JSON.stringify({ level: 'info', time: at, ...entry, msg: 'call' })}\n`);
    return `{"level":"info","time":"${at}","door":"${door}"${member('route', route)}${member('requestId', requestId)}${member(
      'method',
      method,
    )}${member('path', path)}${member('address', address)},"status":${status},"verdict":"${verdict}"${member('shadow', shadow)}${member('token', token)},"msg":"call"}\n`;
  };
}

function member(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":"${value}"`;
}

/** RFC 3339 with milliseconds; calls come many to a second, and most of the text is that of the second. */
function isoTimes(): (now: number) => string {
  let second = Number.NaN;
  let prefix = '';
  return (now) => {
    const milliseconds = now % 1000;
    if (now - milliseconds !== second) {
      second = now - milliseconds;
      prefix = new Date(second).toISOString().slice(0, 20);
    }
    return `${prefix}${milliseconds < 100 ? (milliseconds < 10 ? '00' : '0') : ''}${milliseconds}Z`;
  };
}
