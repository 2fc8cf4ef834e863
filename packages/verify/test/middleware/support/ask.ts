/** One request, written byte by byte, and its answer: fields may be sent twice, and in any spelling. */
import { connect } from 'node:net';

export interface Answer {
  readonly status: number;
  /** Lower-cased names; a field that came twice is a list. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Question {
  readonly path?: string;
  readonly method?: string;
  /** Lines of the header section, without Host. */
  readonly fields?: readonly string[];
}

const PATIENCE_MS = 30_000;

export function ask(port: number, { path = '/orders', method = 'GET', fields = [] }: Question = {}): Promise<Answer> {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: orders.test', ...fields, 'Connection: close', '', ''];
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(lines.join('\r\n'), 'latin1'));
    let heard = '';
    socket.setEncoding('latin1').setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no end after: ${heard}`)));
    socket.on('data', (chunk) => {
      heard += String(chunk);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answerOf(heard)));
  });
}

function answerOf(heard: string): Answer {
  const end = heard.indexOf('\r\n\r\n');
  const [status = '', ...lines] = heard.slice(0, end).split('\r\n');
  const fields: Record<string, string | string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields[name];
    fields[name] = before === undefined ? value : [before, value].flat();
  }
  const body = heard.slice(end + 4);
  const text = fields['transfer-encoding'] === 'chunked' ? unchunked(body) : body;
  return { status: Number(status.slice(9, 12)), fields, text, json: text.startsWith('{') ? JSON.parse(text) : {} };
}

function unchunked(body: string): string {
  const [size = '0', ...rest] = body.split('\r\n');
  const length = Number.parseInt(size, 16);
  const after = rest.join('\r\n');
  return length === 0 ? '' : after.slice(0, length) + unchunked(after.slice(length + 2));
}
