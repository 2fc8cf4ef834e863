/** The client address, against the rules of the token, of its owner's roles and of the asker. */
import type { AddressRule } from '../addresses.ts';
import type { TokenFacts } from '../ports.ts';
import type { Asked } from '../requirement.ts';
import { type Deny, deny } from '../verdict.ts';

/** Every rule must let the address pass; the first that does not is named. */
export function refusedByAddress(facts: TokenFacts, { requirement, circumstances }: Asked): Deny | undefined {
  const { address } = circumstances;
  const detail = addressRefusal(facts.addresses, address) ?? addressRefusal(requirement.addresses, address);
  return detail === undefined ? undefined : deny('ip_denied', { principal: facts, detail });
}

/** Why the first of the rules that does not let the address pass refuses it; undefined where all do. */
export function addressRefusal(rules: readonly AddressRule[], address: string | undefined): string | undefined {
  // Most have none, and walking a frozen list costs as much as judging.
  if (rules.length === 0) return undefined;
  for (const rule of rules) {
    const detail = rule.refuses(address);
    if (detail !== undefined) return detail;
  }
  return undefined;
}
