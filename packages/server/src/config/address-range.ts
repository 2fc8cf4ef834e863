/** Addresses, CIDR ranges and host names, as the configuration names them. */
import { isAddressRange } from '@tessera/verify';
import { z } from 'zod';

const ENTRY = 'must be an address, a CIDR range such as 10.0.0.0/8, or a host name such as office.example.com';

/**
 * An address range or a host name. A name has a dot, if only at its end (`proxy.`), and its last label starts with a letter: a
 * mistyped address or word must not be looked up.
 */
export const addressEntry = z
  .string(ENTRY)
  .refine((text) => isAddressRange(text) || HOST_NAME.test(text), ENTRY)
  .transform((text) => (HOST_NAME.test(text) ? text.toLowerCase().replace(/\.$/, '') : text));

const HOST_NAME = /^(?=.{2,254}$)(?=.*\.)(?:(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\.)*(?=[A-Za-z])[A-Za-z0-9-]{1,63}(?<!-)\.?$/;
