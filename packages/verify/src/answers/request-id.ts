/** Request ids: the caller's own where it is harmless, else a new one. They tie an answer to its lines in the log. */
import { randomBytes } from 'node:crypto';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;
/** 64 random bits of this process and a count: unique without asking for randomness at every request. */
const PROCESS = randomBytes(8).toString('hex');
let count = 0;

export function newRequestId(): string {
  count += 1;
  // Always of one length: answers that must be alike then are.
  return `${PROCESS}-${count.toString(36).padStart(8, '0')}`;
}

/** A token that somebody sent as a request id must not come back in answers, logs and the audit log. */
export function isRequestId(text: string): boolean {
  return ACCEPTED.test(text) && !/_(?:live|test)_/.test(text);
}
