/** The decision with real ports, one of which a test replaces. */
import {
  type Circumstances,
  type Credential,
  circumstances,
  credentialOf,
  decide,
  type Ports,
  type Requirement,
  requirement,
  type TokenFacts,
} from '../../src/index.ts';
import { counters } from './counters.ts';
import { factsOf, lookupOf, NOW, TOKEN } from './tokens.ts';

export function portsOf(parts: Partial<Ports> = {}): Ports {
  return {
    tokens: lookupOf([TOKEN, factsOf()]),
    limiter: counters(),
    quotas: counters(),
    clock: { now: () => NOW },
    ...parts,
  };
}

/** Ports that know `TOKEN` with these facts. */
export function portsWith(facts: Partial<TokenFacts>, parts: Partial<Ports> = {}): Ports {
  return portsOf({ tokens: lookupOf([TOKEN, factsOf(facts)]), ...parts });
}

export interface Question {
  readonly credential?: Credential;
  readonly requirement?: Partial<Requirement>;
  readonly circumstances?: Partial<Circumstances>;
}

export function asked(question: Question = {}) {
  return { requirement: requirement(question.requirement ?? {}), circumstances: circumstances(question.circumstances) };
}

export async function verdictOf(ports: Ports, question: Question = {}) {
  return decide(question.credential ?? credentialOf(TOKEN), asked(question), ports);
}

export async function codeOf(ports: Ports, question: Question = {}): Promise<string> {
  return (await verdictOf(ports, question)).code;
}
