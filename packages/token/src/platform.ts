/**
 * The few globals this package uses beside the language itself, typed here so that it compiles without the types of Node
 * or of a browser and runs in both.
 */
type Platform = {
  readonly crypto: {
    getRandomValues(bytes: Uint8Array): unknown;
    readonly subtle: { digest(algorithm: 'SHA-256', data: Uint8Array): Promise<ArrayBuffer> };
  };
  readonly TextEncoder: new () => { encode(text: string): Uint8Array };
};

export const platform = globalThis as unknown as Platform;
