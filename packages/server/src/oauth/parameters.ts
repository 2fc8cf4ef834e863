/** The parameters of a request to an OAuth endpoint: each comes once (RFC 6749 section 3.2), but those that may name several things. */
import type { Form } from '../http/strict-form.ts';
import { OAuthError } from './oauth-error.ts';

export interface Parameters {
  /** Undefined: it was not sent, or without a value, which is the same. */
  optional(name: string): string | undefined;
  /** Throws `invalid_request` where it was not sent. */
  required(name: string): string;
  /** Of the repeatable ones: every value that was sent. */
  all(name: string): readonly string[];
}

/** Throws `invalid_request` where another parameter than one of `repeatable` comes twice. Those that nobody knows are passed over. */
export function parametersIn(form: Form, repeatable: readonly string[] = []): Parameters {
  for (const [name, values] of form) {
    if (values.length > 1 && !repeatable.includes(name))
      throw new OAuthError('invalid_request', 'a parameter comes more than once');
  }
  const all = (name: string): readonly string[] => (form.get(name) ?? []).filter((value) => value !== '');
  const optional = (name: string): string | undefined => all(name)[0];
  return {
    all,
    optional,
    required(name) {
      const value = optional(name);
      if (value === undefined) throw new OAuthError('invalid_request', `the parameter ${name} is required`);
      return value;
    },
  };
}
