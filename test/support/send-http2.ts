/** One request over HTTP/2: with TLS, or by prior knowledge where the origin is http. */
import { connect, type SecureClientSessionOptions } from 'node:http2';

/** Resolves with the status; rejects where the session fails. */
export async function sendHttp2(
  origin: string,
  headers: Readonly<Record<string, string>>,
  tls: SecureClientSessionOptions = {},
): Promise<number> {
  const session = connect(origin, tls);
  try {
    return await new Promise((resolve, reject) => {
      session.once('error', reject);
      const stream = session.request(headers);
      stream.once('error', reject);
      stream.once('response', (received) => resolve(Number(received[':status'])));
      stream.resume();
    });
  } finally {
    session.close();
  }
}
