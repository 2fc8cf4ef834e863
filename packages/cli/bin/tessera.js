#!/usr/bin/env node
/** Where the `tessera` command begins. Plain JavaScript: what is compiled before the cache is there is kept nowhere, and for one file of TypeScript alone each start would load a compiler. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// What was compiled once is kept beside the code, where only its owner writes: most of a start is compiling.
enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));
await import('../src/main.ts');
