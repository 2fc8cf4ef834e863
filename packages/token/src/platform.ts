/**
 * The few globals this package uses beside the language itself, typed here so that it compiles without the types of Node
 * or of a browser and runs in both.
 */
type Platform = {
  readonly crypto: {
    getRandomValues(bytes: Uint8Array): unknown;
    readonly subtle: {
      digest(algorithm: 'SHA-256', data: Uint8Array): Promise<ArrayBuffer>;
      importKey(
        format: 'jwk',
        jwk: object,
        algorithm: object,
        extractable: false,
        usages: readonly ['verify'],
      ): Promise<ImportedKey>;
      verify(algorithm: object, key: ImportedKey, signature: Uint8Array, data: Uint8Array): Promise<boolean>;
    };
  };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
  readonly TextDecoder: new (
    encoding: 'utf-8',
    options: { readonly fatal: true; readonly ignoreBOM: true },
  ) => { decode(bytes: Uint8Array): string };
};

/** A key that WebCrypto holds. */
export type ImportedKey = object;

export const platform = globalThis as unknown as Platform;
