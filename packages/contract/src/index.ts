export { type Operation, operation } from './operation.ts';
export {
  type Body,
  type BodyInput,
  type OperationName,
  type Operations,
  type Output,
  operationList,
  operations,
  type Params,
  type Query,
  type QueryInput,
} from './operations.ts';
export { type ProblemCode, type ProblemMeaning, problems } from './problems.ts';
export { isPrototypeName, limitName } from './schemas.ts';
export { expandManagementScopes, type ManagementScope, managementScopes } from './scopes.ts';
