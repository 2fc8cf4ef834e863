/** RSA public keys whose private half can be found. */

const MIN_MODULUS_BITS = 2048;
/** Verifying takes time with the square of the modulus; the key of a proof is chosen by a stranger. */
const MAX_MODULUS_BITS = 4096;
/** A public exponent of more than 32 bits serves no purpose but to make verifying slow. */
const MAX_EXPONENT_BYTES = 4;

/** Why this RSA key must not be trusted, or undefined. `modulus` and `exponent` are big-endian (RFC 7518 section 6.3.1). */
export function rsaWeakness(modulus: Uint8Array, exponent: Uint8Array): string | undefined {
  const n = integerOf(modulus);
  const bits = n.toString(2).length;
  if (bits < MIN_MODULUS_BITS) return `its modulus has ${bits} bits, fewer than ${MIN_MODULUS_BITS}`;
  if (bits > MAX_MODULUS_BITS) return `its modulus has ${bits} bits, more than ${MAX_MODULUS_BITS}`;
  const e = integerOf(exponent);
  if (exponent.length > MAX_EXPONENT_BYTES || e < 3n || e % 2n === 0n) return 'its exponent is not a small odd number';
  return isRoca(n) ? 'it was made by a generator that is broken (CVE-2017-15361)' : undefined;
}

/**
 * Primes modulo which the powers of 65537 leave something out. The broken generator made primes that are such powers
 * modulo each of these, so their product is one too; of sound keys fewer than one in 100 million is.
 * Nemec et al., "The Return of Coppersmith's Attack", 2017.
 */
const TELLING_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
const ROCA_GENERATOR = 65537;
const TELLING_REMAINDERS = TELLING_PRIMES.map((prime) => ({ prime: BigInt(prime), powers: powersModulo(prime) }));

function isRoca(n: bigint): boolean {
  return TELLING_REMAINDERS.every(({ prime, powers }) => powers.has(Number(n % prime)));
}

function powersModulo(prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * ROCA_GENERATOR) % prime) powers.add(power);
  return powers;
}

function integerOf(bytes: Uint8Array): bigint {
  let digits = '0x0';
  for (const byte of bytes) digits += byte.toString(16).padStart(2, '0');
  return BigInt(digits);
}
