/** Opens the store that the URL names, and closes it. */
import { openStore } from '../../../src/store/open.ts';
import { clock, seal } from './fixtures.ts';

const store = await openStore({ url: process.argv[2], dataFolder: '/nonexistent', seal, clock });
await store.latestChange();
await store.close();
