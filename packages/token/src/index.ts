/** What a Tessera token looks like: making, reading, digesting and finding the text. Imports nothing; runs anywhere. */
export { TOKEN_ALPHABET } from './base62.ts';
export { CHECKSUM_LENGTH, checksum } from './checksum.ts';
export { digest, fingerprint } from './digest.ts';
export { FOUND_MAX_LENGTH, type Found, find, findTraces, redact, TRACE_MIN_LENGTH, type Trace } from './find.ts';
export {
  type Environment,
  HINT_LENGTH,
  type Inspection,
  inspect,
  isEnvironment,
  isPrefix,
  MAX_TOKEN_BYTES,
  type ParsedToken,
  PREFIX_MAX_LENGTH,
  PREFIX_MIN_LENGTH,
  parse,
  type Refusal,
  SECRET_LENGTH,
} from './format.ts';
export { type GenerateOptions, generate, type RandomSource } from './generate.ts';
