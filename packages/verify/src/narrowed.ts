/** What a route asks on top of what is asked of all: it adds, and never takes away. */
import type { Requirement } from './requirement.ts';

/**
 * What is asked of one route beside what is asked of all: scopes, roles, rules and limits add up, kinds are those of both.
 * Throws a TypeError where no token could fulfil both, such as two audiences: nothing that is required can be taken back.
 */
export function narrowed(all: Requirement, parts: Partial<Requirement>): Requirement {
  const kinds = parts.kinds ?? [];
  const both =
    all.kinds.length === 0 ? kinds : kinds.length === 0 ? all.kinds : all.kinds.filter((kind) => kinds.includes(kind));
  if (both.length === 0 && all.kinds.length + kinds.length > 0) throw contradiction('kinds');
  return Object.freeze({
    workspace: only('workspace', all.workspace, parts.workspace),
    audience: only('audience', all.audience, parts.audience),
    environment: only('environment', all.environment, parts.environment),
    scopes: [...new Set([...all.scopes, ...(parts.scopes ?? [])])],
    kinds: both,
    roles: [...new Set([...all.roles, ...(parts.roles ?? [])])],
    proof: all.proof || parts.proof === true,
    clientCertificate: all.clientCertificate || parts.clientCertificate === true,
    addresses: [...all.addresses, ...(parts.addresses ?? [])],
    limits: [...all.limits, ...(parts.limits ?? [])],
    quotas: [...all.quotas, ...(parts.quotas ?? [])],
    concurrency: [...all.concurrency, ...(parts.concurrency ?? [])],
    shadow: only('shadow', all.shadow, parts.shadow),
  });
}

function only<T>(name: string, all: T | undefined, part: T | undefined): T | undefined {
  if (all !== undefined && part !== undefined && all !== part) throw contradiction(name);
  return all ?? part;
}

function contradiction(name: string): TypeError {
  return new TypeError(`no token can fulfil both: the route asks for other ${name} than the verifier`);
}
