import { chmodSync, copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { certificates } from '../../../../test/support/certificates.ts';
import { type CertificateFiles, followCertificate, loadCertificate } from '../../src/http/certificates.ts';

const authority = certificates();
afterAll(authority.remove);
const NOW = Date.now();
const DAY_MS = 86_400_000;

const problemOf = (files: CertificateFiles): string => {
  const loaded = loadCertificate(files, NOW);
  return loaded.ok ? 'ok' : loaded.problem;
};
const filesOf = ({ certificate, key }: CertificateFiles): CertificateFiles => ({ certificate, key });

describe('a certificate', () => {
  it('is loaded with its end', () => {
    const loaded = loadCertificate(authority.server(['a.test'], { days: 3 }), NOW);
    expect(loaded).toMatchObject({ ok: true, warnings: [] });
    expect(loaded.ok && Math.round((loaded.expiresAt - NOW) / DAY_MS)).toBe(3);
  });

  it('is refused with its file, and without its content, where it cannot be used', () => {
    const own = authority.server(['a.test']);
    const other = authority.server(['b.test']);
    const bad = `${own.certificate}.bad`;
    writeFileSync(bad, `-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n`);
    expect(problemOf({ ...own, key: other.key })).toBe(`${other.key} is not the key of ${own.certificate}`);
    expect(problemOf({ ...own, key: `${own.key}.none` })).toBe(`${own.key}.none does not exist`);
    for (const files of [
      { ...own, certificate: bad },
      { ...own, key: bad },
      { ...own, key: own.certificate },
      { ...own, clientCa: bad },
      { ...own, clientCa: authority.certificate, clientCrl: bad },
    ]) {
      const problem = problemOf(filesOf(files).key === bad ? { ...files, key: bad } : files);
      expect(problem).toMatch(/ is not valid PEM that can be used here \([A-Z_0-9a-z ]+\)$/);
      expect(problem).not.toContain('c2VjcmV0');
    }
  });

  it('is loaded with a warning where it has expired, is not valid yet, or its key is open to others', () => {
    const warnings = (files: CertificateFiles): readonly string[] => {
      const loaded = loadCertificate(files, NOW);
      return loaded.ok ? loaded.warnings : ['refused'];
    };
    const old = authority.server(['a.test'], { days: -1 });
    const early = authority.server(['a.test'], { notBefore: new Date(NOW + DAY_MS) });
    const open = authority.server(['a.test']);
    chmodSync(open.key, 0o644);
    expect(warnings(old)).toEqual([expect.stringMatching(/ has expired \(/)]);
    expect(warnings(early)).toEqual([expect.stringMatching(/ is not valid yet \(/)]);
    expect(warnings(open)).toEqual([`${open.key} is open to group or others; chmod 600 it`]);
  });
});

describe('the files of a certificate', () => {
  it('are followed: a new pair is told, half of one is a problem, and the old pair stays', async () => {
    const own = authority.server(['a.test']);
    const told: string[] = [];
    let heard = Promise.withResolvers<void>();
    const tell = (what: string): void => {
      told.push(what);
      heard.resolve();
    };
    const next = async (): Promise<string | undefined> => {
      await heard.promise;
      heard = Promise.withResolvers();
      return told.at(-1);
    };
    const ended = new AbortController();
    const { first, reload } = followCertificate({
      files: filesOf(own),
      now: () => NOW,
      onRenewed: ({ context }) => tell(String(context.cert)),
      onProblem: tell,
      signal: ended.signal,
    });
    expect(first.ok && first.context.cert).toBe(own.certificatePem);
    // As certbot does: written aside, and put into place.
    const renewed = authority.server(['a.test']);
    for (const part of ['key', 'certificate'] as const) {
      copyFileSync(renewed[part], `${own[part]}.new`);
      renameSync(`${own[part]}.new`, own[part]);
    }
    expect(await next()).toBe(renewed.certificatePem);
    const half = authority.server(['a.test']);
    copyFileSync(half.certificate, own.certificate);
    expect(await next()).toBe(`${own.key} is not the key of ${own.certificate}`);
    copyFileSync(half.key, own.key);
    expect(await next()).toBe(half.certificatePem);
    reload();
    expect(await next()).toBe(half.certificatePem);
    ended.abort();
    reload();
    expect(told).toHaveLength(4);
  });
});
