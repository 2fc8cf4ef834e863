/** What an upstream may see of the credentials of a request that was refused and is let through all the same. */
import { find } from '@tessera/token';
import { parameterKey, parametersOf, withoutParameters } from '@tessera/verify';
import type { Refused } from '../core/judge.ts';
import type { Incoming } from '../http/edge.ts';

/**
 * The request without the fields and parameters that hold a credential of ours: one whose token is known, or that has the
 * form of one. Another may be the upstream's own, and must go on working while a route is only tried out.
 */
export function withoutOurs(incoming: Incoming, { credential, verdict }: Refused): Incoming {
  const known = verdict.principal === undefined ? undefined : credential;
  const fields: string[] = [];
  for (let at = 0; at + 1 < incoming.fields.length; at += 2) {
    const name = incoming.fields[at] ?? '';
    const value = incoming.fields[at + 1] ?? '';
    if (name.toLowerCase() !== known?.field && find(value).length === 0) fields.push(name, value);
  }
  const ours = parametersOf(incoming.query).filter(
    ({ name, value }) => name === known?.parameter || find(value).length > 0,
  );
  const query = withoutParameters(incoming.query, new Set(ours.map(({ name }) => parameterKey(name))));
  return { ...incoming, fields, query };
}
