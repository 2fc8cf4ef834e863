/** A small DNS server on a loopback port (RFC 1035): answers A and AAAA as a test says, over UDP. */
import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { isIPv4 } from 'node:net';

export interface Zone {
  readonly addresses: readonly string[];
  /** Seconds. */
  readonly ttl?: number;
}

export interface NameServer {
  /** What is answered for each name; no entry: no such name. */
  readonly zones: Map<string, Zone | 'fails' | 'silent'>;
  /** `name type` of each question, in order. */
  readonly asked: string[];
  readonly resolver: Resolver;
  /** One that waits for an answer no longer than a test can. */
  readonly impatient: Resolver;
  close(): Promise<void>;
}

const A = 1;
const AAAA = 28;
const SERVFAIL = 2;
const NXDOMAIN = 3;

export async function nameServer(): Promise<NameServer> {
  const socket = createSocket('udp4');
  const zones: NameServer['zones'] = new Map();
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, type, end } = question(query);
    asked.push(`${name} ${type === A ? 'A' : type === AAAA ? 'AAAA' : type}`);
    const zone = zones.get(name);
    if (zone === 'silent') return;
    const records = typeof zone === 'object' ? zone.addresses.filter((one) => type === (isIPv4(one) ? A : AAAA)) : [];
    const code = zone === 'fails' ? SERVFAIL : zone === undefined ? NXDOMAIN : 0;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    // An answer, recursion available.
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    const ttl = typeof zone === 'object' ? (zone.ttl ?? 60) : 0;
    socket.send(
      Buffer.concat([head, query.subarray(12, end), ...records.map((one) => record(type, one, ttl))]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const asking = (timeout: number): Resolver => {
    const resolver = new Resolver({ timeout, tries: 1 });
    resolver.setServers([`127.0.0.1:${socket.address().port}`]);
    return resolver;
  };
  return {
    zones,
    asked,
    resolver: asking(10_000),
    impatient: asking(250),
    close: () => new Promise((resolve) => socket.close(resolve)),
  };
}

function question(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function record(type: number, address: string, ttl: number): Buffer {
  const bytes = bytesOf(address);
  const head = Buffer.alloc(12);
  // The name is that of the question.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, bytes]);
}

function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
