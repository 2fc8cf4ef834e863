/**
 * The least that a verify endpoint can do: bare `node:http`, JSON, one SHA-256, one Map. It answers the bytes and the
 * header fields that the platform answers, and checks nothing else.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tokenId, tokenText } from '../rig/tokens.ts';

/** An answer of the platform to token 0, and the number of tokens. */
const [answer = '', tokens = '0'] = process.argv.slice(2);
const [before = '', after = ''] = answer.split(tokenId(0));

const answers = new Map<string, string>();
for (let index = 0; index < Number(tokens); index += 1) {
  answers.set(hash('sha256', tokenText(index), 'binary'), `${before}${tokenId(index)}${after}`);
}

let count = 0;
const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { token } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly token: string };
    const text = answers.get(hash('sha256', token, 'binary')) ?? '{"valid":false,"code":"unknown"}';
    count += 1;
    response.writeHead(200, [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(Buffer.byteLength(text)),
      'X-Content-Type-Options',
      'nosniff',
      'X-Request-Id',
      `b2ee420e4e71306e-${count.toString(36)}`,
      'Cache-Control',
      'no-store',
    ]);
    response.end(text);
  });
});
server.maxRequestsPerSocket = 100_000;
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
