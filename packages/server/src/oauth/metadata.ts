/** What there is of an authorization server, for clients that find out by themselves (RFC 8414). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATEMENT_ALGORITHMS } from '../core/key-ring/workspace-signers.ts';
import type { Workspace } from '../core/model.ts';
import type { Incoming } from '../http/edge.ts';
import { problem } from '../http/problem.ts';
import { sendJson, sendProblem } from '../http/send.ts';
import { TOKEN_EXCHANGE } from './token.ts';

export interface MetadataParts {
  /** Origin under which callers reach us; undefined: nobody has said. */
  readonly publicUrl: string | undefined;
  readonly issuer: (workspace: string) => string;
  readonly defaultWorkspace: string;
  readonly workspace: (id: string) => Promise<Workspace | undefined>;
}

type Page = (request: IncomingMessage, response: ServerResponse, incoming: Incoming) => Promise<void>;

/** Section 3.1: the well-known path stands before that of the issuer. */
const PATH = '/.well-known/oauth-authorization-server';
const OF_WORKSPACE = /^\/workspaces\/([^/]+)$/;
const HEADERS = { 'Cache-Control': 'public, max-age=300' };

/** The page that a path names; undefined: none. */
export function metadataPages(parts: MetadataParts): (path: string) => Page | undefined {
  return (path) => {
    if (!path.startsWith(PATH)) return undefined;
    const rest = path.slice(PATH.length);
    const workspace = rest === '' ? parts.defaultWorkspace : OF_WORKSPACE.exec(rest)?.[1];
    return workspace === undefined ? undefined : page(workspace, parts);
  };
}

function page(workspace: string, parts: MetadataParts): Page {
  return async (_request, response, { requestId }) => {
    const { publicUrl, issuer, defaultWorkspace } = parts;
    // The issuer is an address (section 2), and the one that a stranger reached us by is not known to be ours.
    if (publicUrl === undefined)
      return sendProblem(response, problem('not_found', { detail: 'the setting publicUrl is not set' }), { requestId });
    if ((await parts.workspace(workspace)) === undefined)
      return sendProblem(response, problem('not_found', { detail: 'no such path' }), { requestId });
    const keys = workspace === defaultWorkspace ? '/.well-known/jwks.json' : `/workspaces/${workspace}/jwks.json`;
    const metadata = metadataOf({ base: publicUrl, issuer: issuer(workspace), keys });
    sendJson(response, 200, metadata, { requestId, headers: HEADERS });
  };
}

/** Ways in which a token of ours says who calls: by itself (RFC 8414 section 2 allows token types there), or as a secret. */
const CALLERS = ['Bearer', 'DPoP', 'client_secret_basic', 'client_secret_post'] as const;
const PROOF_ALGORITHMS = ['EdDSA', 'ES256', 'PS256', 'RS256'] as const;

function metadataOf({
  base,
  issuer,
  keys,
}: {
  readonly base: string;
  readonly issuer: string;
  readonly keys: string;
}): object {
  return {
    issuer,
    jwks_uri: base + keys,
    // Required, and there is no authorization endpoint yet.
    response_types_supported: [],
    grant_types_supported: [TOKEN_EXCHANGE],
    token_endpoint: `${base}/oauth/token`,
    token_endpoint_auth_methods_supported: ['none', ...CALLERS],
    introspection_endpoint: `${base}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: CALLERS,
    introspection_signing_alg_values_supported: STATEMENT_ALGORITHMS,
    revocation_endpoint: `${base}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: ['none', ...CALLERS],
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
  };
}
