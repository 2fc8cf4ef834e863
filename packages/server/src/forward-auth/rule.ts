/** What a question is judged by: what the proxy's own query requires, else the route of the original request. */
import { type Requirement, requirement } from '@tessera/verify';
import type { CompiledRoute } from '../core/compiled-route.ts';
import type { RouteTable } from '../core/routes.ts';
import type { Question } from './question.ts';

export interface Rule {
  readonly route: CompiledRoute | undefined;
  readonly asked: Requirement;
  /** Whether there is anywhere to pass to. */
  readonly passes: boolean;
  /** The query parameter that a credential is accepted in. The proxy must take it out of what it passes on. */
  readonly inQuery: string | undefined;
}

const NO_ROUTE = { route: undefined, inQuery: undefined };

export function ruleOf({ requirement: asked, original }: Question, table: RouteTable): Rule {
  if (asked !== undefined) return { ...NO_ROUTE, asked, passes: true };
  if (original === undefined) return { ...NO_ROUTE, asked: table.otherwise, passes: true };
  const match = table.match(original.host.name, original.path, original.method);
  switch (match.outcome) {
    case 'route':
      return {
        route: match.route,
        asked: match.route.requirement,
        passes: true,
        inQuery: match.route.queryCredential?.name,
      };
    case 'method':
      return { ...NO_ROUTE, asked: requirement({ workspace: match.workspace }), passes: false };
    case 'none':
      return { ...NO_ROUTE, asked: table.otherwise, passes: false };
  }
}
