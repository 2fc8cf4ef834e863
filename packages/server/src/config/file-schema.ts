/** The schema of the whole configuration file: the settings, and the routes. */
import type { z } from 'zod';
import { routesSchema } from './routes.ts';
import { type Setting, settingNames, settings } from './settings.ts';
import { strictObject } from './strict-object.ts';

const settingSchemas: Record<string, z.ZodOptional<z.ZodType>> = Object.fromEntries(
  settingNames
    .filter((name) => settings[name].envOnly !== true)
    .map((name) => {
      const { type, doc, default: byDefault }: Setting<unknown> = settings[name];
      const meta = byDefault === undefined ? { description: doc } : { description: doc, default: byDefault };
      return [name, type.schema.optional().meta(meta)];
    }),
);

export const fileSchema = strictObject({
  ...settingSchemas,
  routes: routesSchema.optional().describe('What the gateway takes, asks and forwards.'),
});
