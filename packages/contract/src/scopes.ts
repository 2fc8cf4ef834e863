/** The scopes of the built-in api `tessera`, whose tokens call the management API. */

const table = {
  'tokens:read': 'See tokens, never their secrets',
  'tokens:write': 'Mint, change, rotate and revoke tokens',
  'apis:read': 'See apis',
  'apis:write': 'Create and change apis',
  'owners:read': 'See owners',
  'owners:write': 'Create and change owners',
  'roles:read': 'See roles',
  'roles:write': 'Create and change roles',
  'keys:read': 'See the public halves of keys',
  'keys:write': 'Make, import, rotate and forget keys',
  'issuers:read': 'See the issuers whose tokens are accepted',
  'issuers:write': 'Accept tokens of other issuers, and refuse them',
  'workspaces:read': 'See the workspace',
  'workspaces:write': 'Change the workspace',
  'audit:read': 'Read and prove the audit log',
  'changes:read': 'Follow the change feed',
  'metrics:read': 'Read the metrics',
  verify: 'Ask for verdicts on tokens, and follow the change feed',
  admin: 'Everything in the workspace',
} as const;

export type ManagementScope = keyof typeof table;
export const managementScopes: Readonly<Record<ManagementScope, string>> = table;

/**
 * What a grant means: `admin` covers every scope of its workspace, `root` covers `admin`; and whoever may ask for verdicts may keep
 * what they are made from, and so may follow what changes.
 */
export function expandManagementScopes(granted: readonly string[]): readonly string[] {
  if (!granted.includes('admin') && !granted.includes('root')) {
    return granted.includes('verify') && !granted.includes('changes:read') ? [...granted, 'changes:read'] : granted;
  }
  const all = Object.keys(table);
  return granted.includes('root') ? ['root', ...all] : all;
}
