/** What a proxy asks for in the query: `?api=` and `?scope=`, from its own configuration. */
import { type Requirement, requirement } from '@tessera/verify';

/**
 * The requirement, undefined where the query asks for nothing, or `invalid`. A parameter that is not known is refused:
 * a mistyped one would ask for less than was meant.
 */
export function askedBy(query: string, otherwise: Requirement): Requirement | 'invalid' | undefined {
  if (query === '') return undefined;
  const parameters = new URLSearchParams(query);
  const apis = parameters.getAll('api');
  const asked = parameters.getAll('scope');
  const scopes = asked.flatMap((value) => value.split(' ')).filter((scope) => scope !== '');
  for (const name of parameters.keys()) if (name !== 'api' && name !== 'scope') return 'invalid';
  if (apis.length > 1 || apis[0] === '') return 'invalid';
  // A variable of the proxy that was never filled in: it would ask for nothing, and the routes would not be asked either.
  if (asked.some((value) => value.trim() === '')) return 'invalid';
  return requirement({ ...otherwise, audience: apis[0], scopes });
}
