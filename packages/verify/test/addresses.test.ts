/** Address rules: what an address is, what a range holds, and that deny wins. */

import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type AddressLists, addressRule, addressRuleOnUse, isAddressRange, plainAddress } from '../src/index.ts';

describe('an address rule', () => {
  it.each<[string, AddressLists, string | undefined, string | undefined]>([
    ['no lists', {}, '10.0.0.5', undefined],
    ['no lists, address unknown', {}, undefined, undefined],
    ['empty lists', { allow: [], deny: [] }, 'garbage', undefined],
    ['in the allowed range', { allow: ['10.0.0.0/8'] }, '10.255.255.255', undefined],
    ['beside the allowed range', { allow: ['10.0.0.0/8'] }, '11.0.0.0', 'not in the allowed ranges'],
    ['allowed and denied', { allow: ['10.0.0.0/8'], deny: ['10.0.0.5'] }, '10.0.0.5', 'denied'],
    ['everything denied', { deny: ['0.0.0.0/0', '::/0'] }, '2001:db8::1', 'denied'],
    ['denied as a range, allowed as an address', { allow: ['10.0.0.5'], deny: ['10.0.0.0/8'] }, '10.0.0.5', 'denied'],
    ['mapped, for a plain rule', { allow: ['10.0.0.5'] }, '::ffff:10.0.0.5', undefined],
    ['mapped in hexadecimal', { allow: ['10.0.0.5'] }, '::FFFF:a00:5', undefined],
    ['mapped, written out', { deny: ['10.0.0.5'] }, '0:0:0:0:0:ffff:0a00:0005', 'denied'],
    ['plain, for a mapped rule', { deny: ['::ffff:10.0.0.5'] }, '10.0.0.5', 'denied'],
    ['plain, for a mapped range', { allow: ['::ffff:10.0.0.0/104'] }, '10.9.9.9', undefined],
    ['IPv4-compatible is not mapped', { allow: ['10.0.0.5'] }, '::10.0.0.5', 'not in the allowed ranges'],
    ['with a zone', { allow: ['fe80::/10'] }, 'fe80::1%eth0', undefined],
    ['denied, with a zone', { deny: ['fe80::1'] }, 'fe80::1%eth0', 'denied'],
    ['IPv6 in another spelling', { allow: ['2001:db8::1'] }, '2001:0DB8:0:0::0:1', undefined],
    ['unknown', { allow: ['0.0.0.0/0', '::/0'] }, undefined, 'unknown'],
    ['unknown, where it could only be denied', { deny: ['10.0.0.5'] }, undefined, 'unknown'],
    ['garbage', { allow: ['0.0.0.0/0', '::/0'] }, 'localhost', 'unknown'],
    ['with a port', { allow: ['10.0.0.0/8'] }, '10.0.0.5:80', 'unknown'],
    ['with a leading zero', { allow: ['10.0.0.0/8'] }, '010.0.0.5', 'unknown'],
    ['as a number', { allow: ['10.0.0.0/8'] }, '167772165', 'unknown'],
    ['with a space', { allow: ['10.0.0.0/8'] }, ' 10.0.0.5', 'unknown'],
    ['two of them', { allow: ['10.0.0.0/8'] }, '10.0.0.5, 10.0.0.6', 'unknown'],
  ])('%s', (_, lists, address, refusal) => {
    const detail = addressRule('role ops', lists).refuses(address);
    if (refusal === undefined) expect(detail).toBeUndefined();
    else expect(detail).toMatch(new RegExp(`^role ops: the client address is ${refusal}$`));
  });

  it.each(['10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1', 'x', '', 'fe80::1%eth0'])(
    'refuses the range %j when it is made',
    (range) => {
      expect(isAddressRange(range)).toBe(false);
      expect(() => addressRule('token', { allow: [range] })).toThrow(
        new RangeError(`not an address or CIDR range: ${range}`),
      );
    },
  );

  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['::ffff:10.0.0.5', '10.0.0.5'],
    ['::ffff:10.0.0.5%eth0', '10.0.0.5'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[::1]', undefined],
    ['', undefined],
  ])('compares %j as %j', (written, plain) => {
    expect(plainAddress(written)).toBe(plain);
  });
});

describe('ranges agree with a model of 128-bit numbers', () => {
  it('for every address, range and list', () => {
    const lists = fc.record({
      allow: fc.array(range, { maxLength: 3 }),
      deny: fc.array(range, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(lists, address, (drawn, client) => {
        const rule = addressRule('r', { allow: drawn.allow.map(written), deny: drawn.deny.map(written) });
        const { allow, deny } = drawn;
        const isDenied = deny.some((one) => holds(one, client.value));
        const isAllowed = allow.length === 0 || allow.some((one) => holds(one, client.value));
        expect(rule.refuses(client.text) === undefined).toBe(isAllowed && !isDenied);
      }),
      { numRuns: 5000 },
    );
  });
});

interface Range {
  readonly text: string;
  readonly value: bigint;
  readonly prefix: number;
  readonly written: number;
}

const MAPPED = 0xffffn << 32n;

/** Few different bits, so that addresses often meet ranges. */
const byte = fc.constantFrom(0, 1, 10, 127, 128, 255);
const ipv4 = fc.tuple(byte, byte, byte, byte).map((bytes) => ({
  text: bytes.join('.'),
  value: MAPPED | bytes.reduce((sum, one) => (sum << 8n) | BigInt(one), 0n),
  bits: 32,
}));
const group = fc.constantFrom(0, 1, 0xdb8, 0x7fff, 0x8000, 0xffff);
const ipv6 = fc.tuple(group, group, group, group, group, group, group, group).map((groups) => ({
  text: groups.map((one) => one.toString(16)).join(':'),
  value: groups.reduce((sum, one) => (sum << 16n) | BigInt(one), 0n),
  bits: 128,
}));
const mapped = ipv4.map(({ text, value }) => ({ text: `::ffff:${text}`, value, bits: 128 }));
const address = fc.oneof(ipv4, ipv6, mapped);
const range: fc.Arbitrary<Range> = address.chain(({ text, value, bits }) =>
  fc.integer({ min: 0, max: bits }).map((prefix) => ({ text, value, prefix: prefix + 128 - bits, written: prefix })),
);

function written({ text, written: prefix }: Range): string {
  return `${text}/${prefix}`;
}

function holds({ value, prefix }: Range, client: bigint): boolean {
  const rest = BigInt(128 - prefix);
  return value >> rest === client >> rest;
}

describe('a rule that is compiled on its first use', () => {
  it.each([
    ['::ffff:10.0.0.5', undefined],
    ['0:0:0:0:0:FFFF:0a00:0005', undefined],
    ['0000::0:ffff:a00:5', undefined],
    ['10.0.0.5', undefined],
    ['11.0.0.5', 'token: the client address is not in the allowed ranges'],
    ['1:0:0:0:0:ffff:a00:5', 'token: the client address is not in the allowed ranges'],
    [undefined, 'token: the client address is unknown'],
  ])('says of %s what one says that is compiled at once', (address, refusal) => {
    const lists = { allow: ['::ffff:10.0.0.0/104'] };
    expect(addressRuleOnUse('token', lists).refuses(address)).toBe(refusal);
    expect(addressRule('token', lists).refuses(address)).toBe(refusal);
  });

  it('costs nothing before, and refuses to judge by what is no range', () => {
    const compiled = vi.spyOn(BlockList.prototype, 'addSubnet');
    const rule = addressRuleOnUse('role ops', { deny: ['10.0.0.0/8', 'ten'] });
    expect(compiled).not.toHaveBeenCalled();
    expect(() => rule.refuses('10.0.0.1')).toThrow(new RangeError('not an address or CIDR range: ten'));
    compiled.mockRestore();
  });
});
