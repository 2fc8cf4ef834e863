/** The limiters of a process admit what a limit admits, and not one request more or less. */
import { limiterProperties } from './limiter-properties.ts';
import { limiters } from './limiters.ts';

for (const limiter of limiters) limiterProperties(limiter, 1500);
