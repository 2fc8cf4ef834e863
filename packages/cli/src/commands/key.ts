/** `tessera key`: the key ring of the workspace. No private half is ever read or shown here. */
import type { BodyInput, Output } from '@tessera/contract';
import { type Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { addDelete, addList, addShow, idOf, objectId, type Resource, showOne } from './resource.ts';

type Key = Output<'keys.get'>;
type Algorithm = BodyInput<'keys.rotate'>['alg'];

const ALGORITHMS: readonly Algorithm[] = [
  'EdDSA',
  'ES256',
  'PS256',
  'RS256',
  'HS256',
  'ML-DSA-65',
  'ECDH-ES+A256KW',
  'A256GCM',
];

const resource: Resource<Key> = {
  noun: 'key',
  columns: [
    ['id', ({ id }) => id],
    ['alg', ({ alg }) => alg],
    ['state', ({ state }) => state],
    ['created', ({ createdAt }) => createdAt],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['alg', ({ alg }) => alg],
    ['use', ({ use }) => (use === 'sig' ? 'signatures' : 'encryption')],
    ['state', ({ state }) => state],
    ['origin', ({ origin }) => origin],
    ['created', ({ createdAt }) => createdAt],
    ['activated', ({ activatedAt }) => activatedAt],
    ['retired', ({ retiredAt }) => retiredAt],
    ['needed until', ({ neededUntil }) => neededUntil],
  ],
};

export function defineKey(group: Command, context: Context): void {
  withExamples(group, ['tessera key list', 'tessera key rotate --alg EdDSA']);
  const create = group
    .command('create')
    .description('draw a key that waits to be activated')
    .addOption(algorithm())
    .option('--active', 'sign with it at once, where no key of its algorithm does')
    .action(
      context.action<{ readonly alg: Algorithm; readonly active?: true }>(async ({ client, options }) => {
        const { alg, active } = options;
        return showOne(resource, await (await client()).keys.create({ alg, ...(active && { state: 'active' }) }));
      }),
    );
  withExamples(create, ['tessera key create --alg ES256 --active']);
  addList<Key>(group, context, { resource, list: ({ keys }) => ({ page: keys.list, all: keys.listAll }) });
  addShow(group, context, { resource, get: (client, id) => client.keys.get(id) });
  const rotate = group
    .command('rotate')
    .description('sign with the next key from now on, and draw another next one; shows the one that signs')
    .addOption(algorithm())
    .action(
      context.action<{ readonly alg: Algorithm }>(async ({ client, options }) => {
        const { active } = await (await client()).keys.rotate(options.alg);
        return showOne(resource, active);
      }),
    );
  withExamples(rotate, ['tessera key rotate --alg EdDSA']);
  const retire = group
    .command('retire')
    .description('sign with a key no more; what it signed holds until it expires')
    .argument('<id>', 'id of the key', objectId)
    .action(context.action(async (run) => showOne(resource, await (await run.client()).keys.retire(idOf(run)))));
  withExamples(retire, ['tessera key retire key_01k3zq4v8e7m']);
  addDelete(group, context, {
    noun: 'key',
    description: 'forget a key that does not sign: what it signed verifies no more',
    remove: (client, id) => client.keys.delete(id),
  });
}

function algorithm(): Option {
  return new Option('--alg <algorithm>', 'what it signs or encrypts with').choices(ALGORITHMS).makeOptionMandatory();
}
