/** Where the process begins. Plain JavaScript: what is compiled before the cache is there is kept nowhere, and for one file of TypeScript alone each start would load a compiler. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Beside the code and not in a folder that others may write: what lies there is run. Where it cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));
await import('../src/command.ts');
