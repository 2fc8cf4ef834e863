/** A service that encrypts as the transit engine of Vault and OpenBao does, with AES-256-GCM and associated data, over its HTTP API. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface Transit {
  /** Of its one key. */
  readonly url: string;
  readonly token: string;
  /** Paths that were asked, with the status of each answer. */
  readonly asked: string[];
  /** From now on it answers with this status; undefined: as it should. */
  fail(status: number | undefined): void;
  close(): Promise<void>;
}

const PREFIX = 'vault:v1:';

export async function startTransit(): Promise<Transit> {
  const key = randomBytes(32);
  const token = `hvs.${randomBytes(18).toString('base64url')}`;
  const asked: string[] = [];
  let failing: number | undefined;
  const answer = async (request: IncomingMessage): Promise<readonly [number, object]> => {
    if (failing !== undefined) return [failing, { errors: ['Vault is sealed'] }];
    if (request.headers['x-vault-token'] !== token) return [403, { errors: ['permission denied'] }];
    const body = (await json(request)) as Readonly<Record<string, string>>;
    const context = Buffer.from(body.associated_data ?? '', 'base64');
    if (request.url === '/v1/transit/encrypt/tessera') return [200, { data: { ciphertext: encrypted(body, context) } }];
    if (request.url !== '/v1/transit/decrypt/tessera') return [404, { errors: [] }];
    const plaintext = decrypted(body, context);
    return plaintext === undefined
      ? [400, { errors: ['message authentication failed'] }]
      : [200, { data: { plaintext } }];
  };

  const encrypted = ({ plaintext = '' }: Readonly<Record<string, string>>, context: Buffer): string => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(context);
    const parts = [nonce, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()];
    return PREFIX + Buffer.concat(parts).toString('base64');
  };

  const decrypted = ({ ciphertext = '' }: Readonly<Record<string, string>>, context: Buffer): string | undefined => {
    const bytes = Buffer.from(ciphertext.slice(PREFIX.length), 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(context);
    decipher.setAuthTag(bytes.subarray(-16));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64');
    } catch {
      return undefined;
    }
  };

  const server = createServer((request, response) => {
    void answer(request).then(([status, body]) => {
      asked.push(`${request.url} ${status}`);
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/transit/keys/tessera`,
    token,
    asked,
    fail(status) {
      failing = status;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
