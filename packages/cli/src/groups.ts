/** The commands at the top, each with the file that says more. A file is loaded when its command is typed, so that `--help` starts fast. */
import type { Command } from 'commander';
import type { Context } from './invocation.ts';

export interface Group {
  readonly name: string;
  readonly summary: string;
  /** The heading it stands under in `--help`. */
  readonly heading: string;
  /** Adds arguments, options and sub-commands. */
  readonly load: () => Promise<(command: Command, context: Context) => void>;
}

const platform = 'Platform:';
const management = 'Management:';
const session = 'Signing in:';
const other = 'Other:';

export const groups: readonly Group[] = [
  {
    name: 'start',
    summary: 'start the platform and the gateway',
    heading: platform,
    load: async () => (await import('./commands/start.ts')).defineStart,
  },
  {
    name: 'config',
    summary: 'check, print or describe the configuration',
    heading: platform,
    load: async () => (await import('./commands/config.ts')).defineConfig,
  },
  {
    name: 'token',
    summary: 'mint, find, change, rotate, revoke and verify tokens',
    heading: management,
    load: async () => (await import('./commands/token.ts')).defineToken,
  },
  {
    name: 'revoke',
    summary: 'revoke many tokens at once, when something leaked',
    heading: management,
    load: async () => (await import('./commands/revoke.ts')).defineRevoke,
  },
  {
    name: 'api',
    summary: 'the apis that tokens are for',
    heading: management,
    load: async () => (await import('./commands/api.ts')).defineApi,
  },
  {
    name: 'owner',
    summary: 'whom tokens stand for',
    heading: management,
    load: async () => (await import('./commands/owner.ts')).defineOwner,
  },
  {
    name: 'role',
    summary: 'named sets of scopes and address ranges',
    heading: management,
    load: async () => (await import('./commands/role.ts')).defineRole,
  },
  {
    name: 'key',
    summary: 'keys that sign and encrypt, and their rotation',
    heading: management,
    load: async () => (await import('./commands/key.ts')).defineKey,
  },
  {
    name: 'issuer',
    summary: 'other servers whose tokens are accepted',
    heading: management,
    load: async () => (await import('./commands/issuer.ts')).defineIssuer,
  },
  {
    name: 'workspace',
    summary: 'tenants',
    heading: management,
    load: async () => (await import('./commands/workspace.ts')).defineWorkspace,
  },
  {
    name: 'audit',
    summary: 'read, follow and prove the audit log',
    heading: management,
    load: async () => (await import('./commands/audit.ts')).defineAudit,
  },
  {
    name: 'changes',
    summary: 'follow what changed',
    heading: management,
    load: async () => (await import('./commands/changes.ts')).defineChanges,
  },
  {
    name: 'login',
    summary: 'keep a management token for a server',
    heading: session,
    load: async () => (await import('./commands/login.ts')).defineLogin,
  },
  {
    name: 'logout',
    summary: 'forget the management token of a server',
    heading: session,
    load: async () => (await import('./commands/login.ts')).defineLogout,
  },
  {
    name: 'whoami',
    summary: 'show what the management token in use may do',
    heading: session,
    load: async () => (await import('./commands/login.ts')).defineWhoami,
  },
  {
    name: 'generate',
    summary: 'make one well-formed token text, offline',
    heading: other,
    load: async () => (await import('./commands/generate.ts')).defineGenerate,
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    heading: other,
    load: async () => (await import('./commands/completion.ts')).defineCompletion,
  },
];
