/** Who issues the signed tokens of a workspace (RFC 9068 section 2.2, RFC 8414 section 2). */

export interface Issuers {
  of(workspace: string): string;
}

/** @param base the public URL of the installation. The default workspace issues under it, each other one under a path of its own. */
export function issuers(base: string, defaultWorkspace: string): Issuers {
  const root = base.replace(/\/+$/, '');
  return { of: (workspace) => (workspace === defaultWorkspace ? root : `${root}/workspaces/${workspace}`) };
}
