/** A limit that several verifiers count in shares lets no more pass than it says, together with what the server itself lets pass. */
import { circumstances, createVerifier, type RemoteVerifier, type Verdict } from '@tessera/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, newWorkspace, together } from './support/call.ts';
import { endServers, type Server, startServer } from './support/server.ts';
import { until } from './support/until.ts';

describe('a limit in shares', () => {
  let server: Server;
  let admin: Caller;
  let verify: Caller;
  let audience: string;
  const open: RemoteVerifier[] = [];
  beforeAll(async () => {
    server = await startServer();
    const { admin: found, scoped } = await newWorkspace(server);
    admin = found;
    verify = await scoped('verify', 'changes:read');
    audience = (
      await admin.do('apis.create', { body: { name: 'a', audience: 'https://a.example.test', prefix: 'aa' } })
    ).audience;
  });
  afterAll(async () => {
    await together(open.length, async (index) => open[index]?.close());
    await endServers();
  });

  const aVerifier = async () => {
    const paths: string[] = [];
    const verifier = createVerifier({
      url: server.url,
      token: verify.token,
      audience,
      // A busy machine may take longer than the two seconds of the default.
      timeoutMs: 5000,
      fetch: (input, init) => {
        paths.push(new URL(String(input)).pathname);
        return fetch(input, init);
      },
    });
    open.push(verifier);
    await verifier.ready();
    const judge = async (token: string): Promise<Verdict> =>
      verifier.verify(
        { authorization: [`Bearer ${token}`], apiKey: [], query: '' },
        { circumstances: circumstances() },
      );
    return { judge, callsTo: (path: string): number => paths.filter((one) => one === path).length };
  };

  const minted = async (limit: number) => {
    const body = { api: audience, limits: [{ name: 'l', limit, window: 86_400, mode: 'approximate' as const }] };
    return admin.mint(body);
  };

  it('lets pass what it says, over three verifiers and the server at once', async () => {
    const { token } = await minted(50);
    const verifiers = await together(3, aVerifier);
    const codes = await together(200, async (index) => {
      const chosen = verifiers[index % 4];
      return chosen === undefined ? (await admin.verify(token)).code : (await chosen.judge(token)).code;
    });
    const passed = codes.filter((code) => code === 'ok').length;
    // 10 s of this limit are less than a request: the bound is the limit itself.
    expect(passed).toBeLessThanOrEqual(50);
    expect(passed).toBeGreaterThanOrEqual(25);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(200 - passed);
    for (const { callsTo } of verifiers) expect(callsTo('/v1/verify')).toBe(0);
  });

  it.each([
    ['of the same name', 'l'],
    ['that is called as those of parents are', 'parent-l'],
  ])('of a parent holds for a child with a wider one %s, whichever of them was judged first', async (_what, name) => {
    const parent = await minted(5);
    const limits = [{ name, limit: 1000, window: 86_400, mode: 'approximate' as const }];
    const child = await admin.mint({ parent: parent.id, limits });
    const [{ judge }, other] = [await aVerifier(), await aVerifier()];
    const codes = [(await judge(parent.token)).code];
    for (let asked = 0; asked < 20; asked += 1) codes.push((await judge(child.token)).code);
    for (let asked = 0; asked < 20; asked += 1) codes.push((await other.judge(child.token)).code);
    expect(codes.filter((code) => code === 'ok')).toHaveLength(5);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(36);
  });

  it('costs no call while a share lasts, and tells how long to wait once there is none', async () => {
    const { token } = await minted(8);
    const { judge, callsTo } = await aVerifier();
    const first = await judge(token);
    expect(first).toMatchObject({ valid: true, limits: [{ name: 'l', limit: 8, windowSeconds: 86_400 }] });
    await together(20, () => judge(token));
    const asked = callsTo('/v1/leases');
    const refused = await together(20, () => judge(token));
    for (const verdict of refused)
      expect(verdict).toMatchObject({ code: 'rate_limited', limits: [{ name: 'l', remaining: 0 }] });
    const [state] = refused[0]?.limits ?? [];
    expect(state?.retryAfterSeconds).toBeGreaterThan(10_000);
    expect(callsTo('/v1/leases')).toBe(asked);
    expect((await admin.verify(token)).code).toBe('rate_limited');
  });

  it('ends with its token', async () => {
    const { token, id } = await minted(1000);
    const { judge } = await aVerifier();
    expect((await judge(token)).code).toBe('ok');
    await admin.do('tokens.revoke', { id, body: {} });
    const codes: string[] = [];
    await until(
      async () => {
        const { code } = await judge(token);
        codes.push(code);
        return code;
      },
      (code) => code === 'revoked',
    );
    const denials = codes.slice(codes.findIndex((code) => code !== 'ok'));
    expect(denials).not.toContain('ok');
    expect(denials.at(-1)).toBe('revoked');
  });
});
