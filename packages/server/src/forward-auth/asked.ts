/** What a proxy asks for in the query, from its own configuration: `?api=`, `?scope=` and `?denials=403`. */
import { type Requirement, requirement } from '@tessera/verify';
import type { DenialForm } from './answers.ts';

export interface Asked {
  /** Undefined: the query names neither api nor scope, so that the routes say. */
  readonly requirement: Requirement | undefined;
  readonly denials: DenialForm;
}

export const NOTHING_ASKED: Asked = Object.freeze({ requirement: undefined, denials: 'as they are' });

const KNOWN: ReadonlySet<string> = new Set(['api', 'scope', 'denials']);
/** They come back in a challenge, inside quotes: what could end those, or the field, is no scope (RFC 6749 section 3.3). */
const SCOPE = /^[!#-[\]-~]+$/;

/** `invalid`: a parameter that is not known, or not understood. A mistyped one would ask for less than was meant. */
export function askedBy(query: string, otherwise: Requirement): Asked | 'invalid' {
  if (query === '') return NOTHING_ASKED;
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) if (!KNOWN.has(name)) return 'invalid';
  const [form, ...moreForms] = parameters.getAll('denials');
  if (moreForms.length > 0 || (form !== undefined && form !== '403')) return 'invalid';
  const denials = form ?? 'as they are';
  const [api, ...moreApis] = parameters.getAll('api');
  if (moreApis.length > 0 || api === '') return 'invalid';
  const written = parameters.getAll('scope');
  // A variable of the proxy that was never filled in: it would ask for nothing, and the routes would not be asked either.
  if (written.some((value) => value.trim() === '')) return 'invalid';
  const scopes = written.flatMap((value) => value.split(' ')).filter((scope) => scope !== '');
  if (!scopes.every((scope) => SCOPE.test(scope))) return 'invalid';
  if (api === undefined && written.length === 0) return { requirement: undefined, denials };
  return { requirement: requirement({ ...otherwise, audience: api, scopes }), denials };
}
