/** Answers on a connection whose request was not understood: there is no ServerResponse to write them. */
import type { Duplex } from 'node:stream';
import { newRequestId, problemText } from '@tessera/verify';
import { type FaultCode, type Problem, problem } from './problem.ts';

/** The problem to answer where the parser gave up with this code. */
export function problemOfParser(code: string | undefined): Problem {
  return problem(FAULT_OF_PARSER[code ?? ''] ?? 'invalid_request');
}

/** Codes of Node and its parser; every other one is a malformed request. */
const FAULT_OF_PARSER: Readonly<Record<string, FaultCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Answers, and closes: what follows on the connection cannot be understood. */
export function answerRaw(socket: Duplex, refusal: Problem): void {
  const requestId = newRequestId();
  const body = problemText(refusal, requestId);
  const more = Object.entries(refusal.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${refusal.status} ${REASON[refusal.status] ?? 'Bad Request'}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${body.length}\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ${requestId}\r\n` +
      `Cache-Control: no-store\r\n${more.join('')}Connection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

const REASON: Readonly<Record<number, string>> = {
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};
