/** Claims as sentences: whose token it is, for what, bound to what; and what Tessera adds in its own claim. */
import { isMembers, type Members } from './read-json.ts';
import { quoted, shownText } from './shown.ts';
import { duration, type Moment, type Times } from './times.ts';

export interface InWords {
  readonly label: string;
  readonly text: string;
}

/** Parties that a chain of delegation is followed for; more than any has. */
const MAX_PARTIES = 8;

export function claimsInWords(claims: Members, times: Times): InWords[] {
  const { iss, sub, aud, client_id: client, scope, jti, sid, cnf, act, tsr } = claims;
  return [
    said('issued by', iss),
    said('stands for', sub),
    said('meant for', aud),
    said('client', client),
    said('may do', scope),
    said('token id', jti),
    said('session', sid),
    line('bound to', cnf === undefined ? undefined : bindingOf(cnf)),
    line('acted on by', act === undefined ? undefined : partiesOf(act)),
    line('issued', momentText(times.issued)),
    line('valid from', momentText(times.notBefore)),
    line('expires', momentText(times.expires)),
    line('lives', times.lifetimeSeconds === null ? undefined : lifetimeText(times.lifetimeSeconds)),
    ...(isMembers(tsr) ? ownClaim(tsr) : []),
  ].filter((words) => words !== undefined);
}

/** The claim `tsr`, which only tokens that Tessera signed have. */
function ownClaim({ api, env, kind, name, own, up, ask }: Members): (InWords | undefined)[] {
  return [
    said('Tessera: api', api),
    said('Tessera: environment', env),
    said('Tessera: kind', kind),
    said('Tessera: name', name),
    said('Tessera: type of owner', own),
    Array.isArray(up) ? said('Tessera: made from, nearest first', up) : undefined,
    line(
      'Tessera: judged by',
      ask === true
        ? 'asking a server: what it may do cannot be told from its claims alone'
        : 'its signature and claims, as long as no change concerns it',
    ),
  ];
}

/** RFC 7800, RFC 8705, RFC 9449: who presents it has to prove that they have the key. */
function bindingOf(cnf: unknown): string {
  if (!isMembers(cnf)) return quoted(cnf);
  if (typeof cnf.jkt === 'string') return `the key ${quoted(cnf.jkt)}: each request needs a DPoP proof`;
  const certificate = cnf['x5t#S256'];
  if (typeof certificate === 'string') return `the client certificate ${quoted(certificate)}`;
  return quoted(cnf);
}

/** RFC 8693 section 4.1: the outermost acts now. */
function partiesOf(act: unknown): string {
  const parties: string[] = [];
  for (let party = act; isMembers(party) && parties.length < MAX_PARTIES; party = party.act)
    parties.push(quoted(party.sub ?? party.client_id ?? 'nobody by name'));
  return parties.length === 0 ? quoted(act) : parties.join(', for ');
}

function momentText(moment: Moment | null): string | undefined {
  return moment === null ? undefined : `${moment.time ?? `second ${moment.seconds}`} (${moment.words})`;
}

function lifetimeText(seconds: number): string {
  return seconds > 0 ? duration(seconds) : 'not at all';
}

function said(label: string, value: unknown): InWords | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return line(label, shownText(value));
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return line(label, isList ? value.map(shownText).join(' ') : quoted(value));
}

function line(label: string, text: string | undefined): InWords | undefined {
  return text === undefined ? undefined : { label, text };
}
