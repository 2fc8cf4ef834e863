/** Where the thread of the embedded store begins: as the process does. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));
await import('../src/store/sqlite/thread.ts');
