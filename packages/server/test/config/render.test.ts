/** What is printed of a configuration can be loaded again, and holds no secret. */
import { generate } from '@tessera/token';
import { expect, test } from 'vitest';
import { configSchema, printConfig, settingsReference } from '../../src/config/render.ts';
import { settingNames, settings } from '../../src/config/settings.ts';
import { loaded } from './support.ts';

const YAML = `trustedProxies: [10.0.0.0/8]
maxExpirySeconds: 30d
metricsPort: 9464
routes:
  - name: orders
    match: { host: api.example.test, path: /orders/*, methods: [GET] }
    limits: [{ limit: 100, window: 1m }]
    ip: { allow: [10.0.0.0/8] }
    transform: { request: { remove: [Cookie] } }
    upstream: http://127.0.0.1:9000
`;

test('without secrets, the printed configuration loads as the same', () => {
  const config = loaded({ yaml: YAML });
  expect(loaded({ yaml: printConfig(config) })).toEqual(config);
});

test('secrets and header values are redacted', () => {
  const env = {
    TESSERA_ROOT_TOKEN: generate({ prefix: 'tsr', environment: 'live' }),
    TESSERA_MASTER_KEY: '00112233445566778899aabbccddeeff'.repeat(2),
    TESSERA_DATABASE_URL: 'postgres://u:hunter2@db/x',
  };
  const header = 'transform: { request: { set: { Authorization: "Basic aHVudGVyMg==" } }';
  const printed = printConfig(
    loaded({ env, yaml: YAML.replace('transform: { request: { remove: [Cookie] }', header) }),
  );
  for (const secret of [...Object.values(env), 'hunter2', 'aHVudGVyMg']) expect(printed).not.toContain(secret);
  for (const name of ['rootToken', 'masterKey', 'databaseUrl', 'Authorization']) {
    expect(printed).toContain(`${name}: <redacted>\n`);
  }
});

test('the JSON Schema is of draft 2020-12, strict, and documents every setting', () => {
  const schema = configSchema();
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Tessera configuration',
    type: 'object',
    additionalProperties: false,
    properties: {
      port: { type: 'integer', minimum: 0, maximum: 65_535, default: 8420, description: settings.port.doc },
      routes: { type: 'array', items: { required: ['name', 'match', 'upstream'], additionalProperties: false } },
    },
  });
  const inFile = settingNames.filter((name) => name !== 'configFile');
  expect(Object.keys(Object(schema.properties)).sort()).toEqual([...inFile, 'routes'].sort());
});

test('the reference has a row for each setting', () => {
  const lines = settingsReference().trimEnd().split('\n');
  expect(lines).toHaveLength(settingNames.length + 2);
  expect(lines[0]).toBe('| In the file | In the environment | Default | What it is |');
  expect(lines).toContain(`| \`port\` | \`TESSERA_PORT\` | \`8420\` | ${settings.port.doc} |`);
  expect(lines).toContain(
    `| \`masterKey\` | \`TESSERA_MASTER_KEY\`, \`TESSERA_MASTER_KEY_FILE\` |  | ${settings.masterKey.doc} |`,
  );
});
