/** Writes aside, and leaves without closing the store: nothing but an answer that is due keeps the process. */
import { openStore } from '../../../src/store/open.ts';
import { clock, seal } from './fixtures.ts';

const store = await openStore({ url: process.argv[2], dataFolder: '/nonexistent', seal, clock });
await store.writeAside((tx) => tx.setMeta('left', 'behind'));
