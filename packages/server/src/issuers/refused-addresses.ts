/**
 * Addresses that an issuer's URL must not lead to: whoever may name a URL could else have this process ask what only it can reach,
 * such as a metadata service that hands out credentials.
 */
import { addressRule, plainAddress } from '@tessera/verify';

/** Not globally reachable (IANA special-purpose registries, RFC 6890), or somebody else's way to such an address. */
const REFUSED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  // Carrier-grade NAT (RFC 6598), where some clouds have their metadata service.
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // The service of a large cloud that answers its machines alone, at an address that looks like any other.
  '168.63.129.16',
  // Tunnels and translations (Teredo, 6to4), which carry an IPv4 address inside, and documentation.
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
] as const;
/** Of IPv6 only this is globally reachable unicast (RFC 4291 section 2.4). */
const REACHABLE_IPV6 = '2000::/3';
const REACHABLE_IPV4 = '0.0.0.0/0';

/** Whether connections to an address are refused; `allowed` are ranges that are not, whatever they are. */
export function refusedAddresses(allowed: readonly string[]): (address: string) => boolean {
  const reachable = addressRule('reachable', { allow: [REACHABLE_IPV4, REACHABLE_IPV6], deny: REFUSED });
  // An empty list would admit everybody.
  const exempt = allowed.length === 0 ? undefined : addressRule('issuerAddresses', { allow: allowed });
  return (address) => {
    const plain = plainAddress(address);
    if (plain === undefined) return true;
    if (exempt !== undefined && exempt.refuses(plain) === undefined) return false;
    return reachable.refuses(plain) !== undefined;
  };
}
