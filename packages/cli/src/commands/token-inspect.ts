/** `tessera token inspect`: what is this text? Answered here, without a server: nothing of it is sent anywhere. */
import { inspectText, type Report, readKeys } from '@tessera/token/inspect';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import type { Answer, Cell } from '../output/answer.ts';
import { readDocument } from '../read-input.ts';
import { addSource, presented, type SourceOptions } from './presented-text.ts';

interface InspectOptions extends SourceOptions {
  readonly jwks?: string;
}

/** Far above what is accepted anywhere: that a text is too long should be told, not met as an error. */
const MAX_BYTES = 1024 * 1024;
/** Characters of a header or of claims on one line of the terminal; `--json` has all of it. */
const MAX_SHOWN = 4000;

export function addInspect(group: Command, context: Context): void {
  const command = addSource(group.command('inspect'))
    .description(
      'say what a text is, offline: a token of Tessera, a signed or encrypted one, a key, or something else; its claims and times, and what is wrong with it. ' +
        'Exit code 1 when something is',
    )
    .option('--jwks <file>', 'check the signature with the keys of this file (JWKS or JWK)')
    .action(
      context.action<InspectOptions>(async (run) => {
        const { jwks } = run.options;
        if (jwks === '-') throw new CommandError('usage', 'the keys are read from a file; stdin holds the token');
        const keys = jwks === undefined ? undefined : readKeys(await readDocument(run.edge, jwks));
        if (jwks !== undefined && keys === undefined)
          throw new CommandError('usage', `${jwks} holds no key set (JWKS) and no key (JWK)`);
        const text = await presented(run, MAX_BYTES);
        return answer(await inspectText(text, { now: run.edge.now(), keys }));
      }),
    );
  withExamples(command, [
    'echo "$KEY" | tessera token inspect',
    'tessera token inspect --key-file token.txt --json',
    'curl -s http://127.0.0.1:8420/.well-known/jwks.json > keys.json && tessera token inspect --jwks keys.json < token.txt',
  ]);
}

function answer(report: Report): Answer {
  const { ok, description, around, fingerprint, findings, kind } = report;
  const problems = findings.filter(({ level }) => level !== 'note');
  return {
    data: report,
    view: {
      kind: 'fields',
      fields: [
        ['this is', description],
        ['read without', around.length === 0 ? undefined : around.map((what) => what.replaceAll('_', ' ')).join(', ')],
        ['fingerprint', fingerprint ?? undefined],
        ...fieldsOf(report),
        ...findings.map(({ level, message }) => [level, message] as const),
        ['problems', problems.length === 0 ? 'none that can be seen offline' : problems.length],
      ],
    },
    quiet: problems.length > 0 ? problems.map(({ code }) => code) : [fingerprint ?? kind],
    exit: ok ? 'ok' : 'no',
  };
}

type Field = readonly [label: string, value: Cell];

function fieldsOf(report: Report): readonly Field[] {
  switch (report.kind) {
    case 'opaque': {
      const { prefix, environment, hint, characters } = report.details;
      return [
        ['prefix', prefix ?? undefined],
        ['environment', environment ?? undefined],
        ['ends in', hint ?? undefined],
        ['characters', characters],
      ];
    }
    case 'jws':
      return signedFields(report.details);
    case 'sd_jwt':
      return [
        ...signedFields(report.details),
        ...report.details.disclosures.map(({ name, value }): Field => ['disclosed', jsonText({ name, value })]),
        ['key binding', report.details.hasKeyBinding],
      ];
    case 'jwe': {
      const { header, bytes } = report.details;
      return [
        ['header', jsonText(header)],
        ['content', bytes.ciphertext === null ? 'cannot be read' : `${bytes.ciphertext} encrypted bytes`],
      ];
    }
    case 'jwk':
    case 'jwks':
      return report.details.keys.map(({ kid, kty, crv, alg, use, bits, isPrivate }) => [
        kid ?? 'key without kid',
        [kty, crv, alg, use, bits === null ? null : `${bits} bits`, isPrivate ? 'PRIVATE' : 'public']
          .filter((part) => part !== null)
          .join(' '),
      ]);
    case 'pem':
      return [['holds', report.details.labels.join(', ')]];
    case 'other_system':
      return [['characters', report.details.characters]];
    case 'unknown': {
      const { characters, alphabet, entropyBits } = report.details;
      return [
        ['characters', characters],
        ['of', alphabet.join(', ')],
        ['entropy', `${entropyBits} bits at most`],
      ];
    }
  }
}

function signedFields({ header, claims, words, signature }: Extract<Report, { kind: 'jws' }>['details']): Field[] {
  return [
    ['header', jsonText(header)],
    ['claims', jsonText(claims)],
    ...words.map(({ label, text }): Field => [label, text]),
    ['signature', signatureText(signature)],
  ];
}

function signatureText({ checked, valid, key }: Extract<Report, { kind: 'jws' }>['details']['signature']): string {
  if (!checked) return 'NOT checked';
  if (valid !== true || key === null) return 'NOT valid: by none of the keys';
  return `valid, by ${key.kid === null ? `key ${key.index + 1} of the file` : `the key ${key.kid}`}`;
}

function jsonText(value: unknown): string {
  if (value === null) return 'cannot be read';
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (--json shows all)` : text;
}
