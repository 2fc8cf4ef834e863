/** Reads what is not given as flags: secrets and documents, from stdin, a file or a prompt. */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CommandError } from './command-error.ts';
import type { Edge } from './edge.ts';
import { askHidden } from './prompt.ts';

/** Far above any token; a wrong file is noticed instead of sent. */
const MAX_SECRET_BYTES = 64 * 1024;
/** Above the largest body that the server takes, 100 items at a time. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** Where a secret comes from. */
export interface SecretSource {
  /** File to read; `-` is stdin; undefined: stdin where it is piped, else a hidden prompt. */
  readonly file: string | undefined;
  /** What the prompt asks for, such as `Token`. */
  readonly what: string;
  readonly mayAsk: boolean;
  /** Default 64 KiB. */
  readonly maxBytes?: number;
}

/** The secret, without the line break that ends it. */
export async function readSecret(edge: Edge, source: SecretSource): Promise<string> {
  const { file, what, mayAsk, maxBytes = MAX_SECRET_BYTES } = source;
  const text = await secretText();
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new CommandError('usage', `${what} is empty`);
  return secret;

  async function secretText(): Promise<string> {
    if (file !== undefined && file !== '-') return readFile(file, maxBytes);
    if (edge.stdin.isTTY !== true) return readStream(edge.stdin, maxBytes);
    if (!mayAsk) throw new CommandError('usage', `${what} is needed on stdin or from a file`);
    return askHidden(edge, `${what} (not shown): `);
  }
}

/** A document from a file, or from stdin where that is `-`. */
export async function readDocument(edge: Edge, file: string): Promise<string> {
  return file === '-' ? readStream(edge.stdin, MAX_DOCUMENT_BYTES) : readFile(file, MAX_DOCUMENT_BYTES);
}

/** @throws CommandError when the text is not JSON; what it holds is not repeated */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError('usage', `${what} is not valid JSON`);
  }
}

async function readFile(file: string, maxBytes: number): Promise<string> {
  try {
    await using handle = await open(file);
    return await readStream(handle.createReadStream({ autoClose: false }), maxBytes);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandError('usage', `cannot read ${file} (${code})`);
  }
}

async function readStream(stream: Readable, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
    size += bytes.byteLength;
    if (size > maxBytes) throw new CommandError('usage', `the input is longer than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
  } catch {
    throw new CommandError('usage', 'the input is not valid UTF-8');
  }
}
