/** Where the process begins: what was compiled once is kept beside the code, which spares most of the next start. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Beside the code and not in a folder that others may write: what lies there is run. Where it cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));
await import('./command.ts');
