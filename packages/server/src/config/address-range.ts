/** Addresses, CIDR ranges and host names, as the configuration names them. */
import { isIP } from 'node:net';
import { z } from 'zod';

/** Narrowest prefixes that still describe a network of one's own: 10.0.0.0/8 and fc00::/7. Wider ones are "everybody". */
const WIDEST_TRUSTED = { 4: 8, 6: 7 } as const;

const ENTRY = 'must be an address, a CIDR range such as 10.0.0.0/8, or a host name such as office.example.com';

/**
 * An address range or a host name. A name has a dot, if only at its end (`proxy.`), and its last label starts with a letter: a
 * mistyped address or word must not be looked up.
 */
export const addressEntry = z
  .string(ENTRY)
  .refine((text) => prefixOf(text) !== undefined || HOST_NAME.test(text), ENTRY)
  .transform((text) => (HOST_NAME.test(text) ? text.toLowerCase().replace(/\.$/, '') : text));

const HOST_NAME = /^(?=.{2,254}$)(?=.*\.)(?:(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\.)*(?=[A-Za-z])[A-Za-z0-9-]{1,63}(?<!-)\.?$/;

/** Whether a valid range takes in so much that trusting it means trusting strangers. */
export function isNearlyEveryone(text: string): boolean {
  const prefix = prefixOf(text);
  return prefix !== undefined && prefix.bits < WIDEST_TRUSTED[prefix.version];
}

function prefixOf(text: string): { version: 4 | 6; bits: number } | undefined {
  const [address = '', suffix, ...rest] = text.split('/');
  const version = isIP(address);
  // A zone (`fe80::1%eth0`) names a link of one machine, not a client.
  if ((version !== 4 && version !== 6) || address.includes('%') || rest.length > 0) return undefined;
  const width = version === 4 ? 32 : 128;
  if (suffix === undefined) return { version, bits: width };
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(suffix) || Number(suffix) > width) return undefined;
  return { version, bits: Number(suffix) };
}
