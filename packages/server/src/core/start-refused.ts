/** Why a start is refused on purpose, told to the operator as it is, without a stack. */

/** Thrown where starting would be wrong: a master key, a root token or a schema that does not belong to this store or this version. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
