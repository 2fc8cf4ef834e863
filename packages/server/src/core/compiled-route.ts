/** One route, from the configuration's words into what the doors use at every request. */
import {
  type AddressLists,
  type AddressRule,
  addressRule,
  type Environment,
  type Requirement,
  requirement,
  type TokenKind,
} from '@tessera/verify';
import { canonicalPath } from './canonical-path.ts';
import { compileAssertion, type IdentityConfig, type RouteAssertion } from './compiled-assertion.ts';
import { type Bounds, type BoundsConfig, compileBounds } from './compiled-bounds.ts';
import {
  bothChanges,
  type ChangesConfig,
  type FieldChanges,
  fieldChanges,
  requestChanges,
} from './compiled-changes.ts';
import { type Cors, type CorsConfig, compileCors, withoutUpstreamCors } from './compiled-cors.ts';
import { type CountingConfig, compileCounting, type Mode } from './compiled-limits.ts';
import { type QueryCredential, queryCredential } from './compiled-query-credential.ts';
import { compileRewrite, type Rewrite, type RewriteConfig } from './compiled-rewrite.ts';
import { type CompiledUpstream, compileUpstream, type UpstreamConfig } from './compiled-upstream.ts';

/** A route as it is configured. The configuration's own type is assignable to it. */
export interface RouteConfig extends CountingConfig {
  readonly workspace?: string | undefined;
  readonly match: {
    readonly host?: string | undefined;
    /** Exact, or ending in `/*`. */
    readonly path: string;
    readonly methods?: readonly string[] | undefined;
  };
  readonly require?:
    | {
        readonly api?: string | undefined;
        readonly scopes?: readonly string[];
        readonly env?: Environment | undefined;
        readonly kinds?: readonly TokenKind[];
        readonly roles?: readonly string[];
        readonly clientCertificate?: boolean;
        readonly mode?: Mode;
      }
    | undefined;
  readonly credential?: { readonly strip: boolean; readonly query?: string | undefined };
  readonly bounds?: BoundsConfig | undefined;
  readonly cors?: CorsConfig | undefined;
  readonly ip?: (AddressLists & { readonly mode?: Mode }) | undefined;
  readonly cost?: number;
  readonly refund?: Refund;
  readonly mode?: Mode;
  readonly transform?: { readonly request?: ChangesConfig & RewriteConfig; readonly response?: ChangesConfig };
  readonly identity?: IdentityConfig | undefined;
  readonly upstream: UpstreamConfig;
}

/** When quotas and credits get back what a request spent. */
export type Refund = 'upstream-failure' | 'server-errors' | 'never';

/** What holds for every route that says nothing else. */
export interface RouteDefaults {
  /** Id of the workspace. */
  readonly workspace: string;
  readonly bounds?: Bounds;
  /** Compiles an address list; where it is absent, one that holds no host names. */
  readonly addressRule?: (label: string, lists: AddressLists) => AddressRule;
}

export interface CompiledRoute {
  readonly name: string;
  readonly workspace: string;
  readonly host: string | undefined;
  readonly path: string;
  readonly methods: readonly string[] | undefined;
  readonly requirement: Requirement;
  readonly transform: { readonly request: FieldChanges; readonly response: FieldChanges };
  readonly upstream: CompiledUpstream;
  /** Of path and query; undefined: they go on as they came. */
  readonly rewrite: Rewrite | undefined;
  /** Whether the upstream sees the credential of a header. */
  readonly keepCredential: boolean;
  readonly bounds: Bounds;
  /** Undefined: nothing is said to pages of other origins. */
  readonly cors: Cors | undefined;
  /** Undefined: a credential in the query is none. */
  readonly queryCredential: QueryCredential | undefined;
  /** Undefined: the upstream hears of the caller in plain fields alone. */
  readonly assertion: RouteAssertion | undefined;
  /** Whether the upstream gets the certificate of the client. */
  readonly tellsCertificate: boolean;
  /** What a request costs of each limit, quota and credit. */
  readonly cost: number;
  readonly refund: Refund;
  /** Whether the decision is only tried out, and every request is let through. */
  readonly shadow: boolean;
}

/** Throws a RangeError on a path, an address range or a pair of limits that validation would have refused. */
export function compileRoute(config: RouteConfig, defaults: RouteDefaults): CompiledRoute {
  const workspace = config.workspace ?? defaults.workspace;
  const path = canonicalPath(config.match.path);
  if (path === undefined) throw new RangeError(`route ${config.name}: the path ${config.match.path} is not canonical`);
  const cors = config.cors === undefined ? undefined : compileCors(config.cors);
  const response = fieldChanges(config.transform?.response);
  const transform = Object.freeze({
    request: requestChanges(config.transform?.request),
    response: cors === undefined ? response : bothChanges(response, withoutUpstreamCors),
  });
  const inQuery = config.credential?.query;
  return Object.freeze({
    name: config.name,
    workspace,
    host: config.match.host?.toLowerCase(),
    path,
    methods: config.match.methods,
    requirement: requirementOf(config, { ...defaults, workspace }),
    transform,
    rewrite: compileRewrite(config.transform?.request ?? {}, path),
    upstream: compileUpstream(config.upstream),
    assertion: compileAssertion(config.identity, config.upstream.targets),
    tellsCertificate: config.identity?.clientCertificate === true,
    keepCredential: config.credential?.strip === false,
    bounds: compileBounds(config.bounds ?? {}, defaults.bounds),
    cors,
    queryCredential: inQuery === undefined ? undefined : queryCredential(inQuery, transform),
    cost: config.cost ?? 1,
    refund: config.refund ?? 'upstream-failure',
    shadow: config.mode === 'shadow',
  });
}

/** Parts in shadow mode are asked for in the shadow of the requirement, and there alone. The workspace is never tried out. */
function requirementOf(config: RouteConfig, defaults: RouteDefaults): Requirement {
  const { workspace, addressRule: compile = addressRule } = defaults;
  const { enforced, tried } = compileCounting(config);
  const asked = {
    audience: config.require?.api,
    environment: config.require?.env,
    scopes: config.require?.scopes ?? [],
    kinds: config.require?.kinds ?? [],
    roles: config.require?.roles ?? [],
  };
  const addresses = config.ip === undefined ? [] : [compile(`route ${config.name}`, config.ip)];
  const triesRequire = config.require?.mode === 'shadow';
  const triesAddresses = config.ip?.mode === 'shadow';
  const isShadowed = triesRequire || triesAddresses || Object.values(tried).some((rules) => rules.length > 0);
  return requirement({
    workspace,
    // A proof is part of who asks, and not of what that one may do.
    clientCertificate: config.require?.clientCertificate === true,
    ...(!triesRequire && asked),
    ...(!triesAddresses && { addresses }),
    ...enforced,
    ...(isShadowed && {
      shadow: requirement({ ...(triesRequire && asked), ...(triesAddresses && { addresses }), ...tried }),
    }),
  });
}
