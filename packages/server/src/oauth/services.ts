/** What the OAuth endpoints are given: built once by the composition root. */
import type { Clock, TokenKind } from '@tessera/verify';
import type { DeniedLog } from '../core/denied-attempts.ts';
import type { Introspection } from '../core/introspection.ts';
import type { WorkspaceSigners } from '../core/key-ring/workspace-signers.ts';
import type { Store } from '../core/store-port.ts';
import type { Minting } from '../core/tokens/mint.ts';
import type { Incoming } from '../http/edge.ts';
import type { Judging } from './authenticate.ts';
import type { PresentedClient } from './client.ts';
import type { Parameters } from './parameters.ts';

export interface OAuthServices extends Judging {
  readonly store: Pick<Store, 'write'>;
  readonly clock: Clock;
  readonly introspect: Introspection;
  readonly signers: WorkspaceSigners;
  readonly minting: Minting;
  /** Of a token and all that descend from it. */
  readonly exchangesPerMinute: number;
  /** Records what somebody tried beyond its authority. */
  readonly denied: DeniedLog;
  /** Who issues the signed texts of a workspace. */
  readonly issuer: (workspace: string) => string;
  /** Whether this node changes anything but counts; a data plane does not. */
  readonly manages: boolean;
  /** Until the body of a request is here. */
  readonly bodyTimeoutMs?: number;
  readonly events: OAuthEvents;
  readonly onError: (error: unknown, requestId: string) => void;
}

/** Hears what the metrics want to know of the endpoints. */
export interface OAuthEvents {
  revoked(): void;
  minted(kind: TokenKind): void;
  answered(answer: {
    readonly path: string;
    readonly method: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
}

/** One request to an endpoint, read and not judged yet. */
export interface Asked {
  readonly incoming: Incoming;
  readonly parameters: Parameters;
  /** Undefined: nobody says who calls. */
  readonly client: PresentedClient | undefined;
}

export interface OAuthAnswer {
  /** Undefined: there is no body. */
  readonly type: string | undefined;
  readonly text: string;
}

export type Endpoint = (asked: Asked, services: OAuthServices) => Promise<OAuthAnswer>;
