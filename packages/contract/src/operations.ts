/** Every operation of the management API. Server, OpenAPI description, client, command line and tests come from here. */
import type { z } from 'zod';
import { apiOperations } from './apis.ts';
import { issuerOperations } from './issuers.ts';
import { keyOperations } from './keys.ts';
import { leaseOperations } from './leases.ts';
import type { Operation } from './operation.ts';
import { ownerOperations, roleOperations } from './owners.ts';
import { recordOperations } from './records.ts';
import { revocationOperations } from './revocations.ts';
import { tokenOperations } from './tokens.ts';
import { verifierOperations } from './verifiers.ts';
import { verifyOperations } from './verify.ts';
import { workspaceOperations } from './workspaces.ts';

export const operations = {
  ...tokenOperations,
  ...revocationOperations,
  ...verifyOperations,
  ...apiOperations,
  ...ownerOperations,
  ...roleOperations,
  ...workspaceOperations,
  ...recordOperations,
  ...verifierOperations,
  ...leaseOperations,
  ...keyOperations,
  ...issuerOperations,
} as const;

export type Operations = typeof operations;
export type OperationName = keyof Operations;

type Part<O, K extends 'params' | 'query' | 'body'> = O extends { readonly [P in K]: infer S extends z.ZodType }
  ? S
  : never;

/** What a handler receives: parsed and checked. */
export type Params<N extends OperationName> = z.output<Part<Operations[N], 'params'>>;
export type Query<N extends OperationName> = z.output<Part<Operations[N], 'query'>>;
export type Body<N extends OperationName> = z.output<Part<Operations[N], 'body'>>;
/** What a caller sends. */
export type BodyInput<N extends OperationName> = z.input<Part<Operations[N], 'body'>>;
export type QueryInput<N extends OperationName> = z.output<Part<Operations[N], 'query'>>;
export type Output<N extends OperationName> = z.output<Operations[N]['output']>;

/** The same table with the general type, for code that treats all operations alike. */
export const operationList: ReadonlyArray<readonly [OperationName, Operation]> = Object.entries(operations) as Array<
  [OperationName, Operation]
>;
