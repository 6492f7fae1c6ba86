import { z } from 'zod';
import { controlSchema } from '../control/settings.ts';
import { edgeSchema } from '../edge/settings.ts';
import { logSchema } from '../observe/log.ts';
import { originSchema } from '../origin/settings.ts';

export const roles = ['origin', 'edge'] as const;
export type Role = (typeof roles)[number];

/** Everything `streamfront.yaml` may say. Each area's part stands with that area. */
export const configurationSchema = z.strictObject({
  roles: z
    .array(z.enum(roles))
    .min(1)
    .default([...roles])
    .describe('What this process does'),
  data: z.string().min(1).default('data').describe('Folder for what outlives a restart; made if it is not there'),
  demo: z
    .boolean()
    .optional()
    .describe('Publish the demo clip as `live/demo`; if left out: yes without a configuration file, no with one'),
  log: logSchema.describe('What is written to standard error'),
  origin: originSchema.describe('The origin role: takes video in and packages it'),
  edge: edgeSchema.describe('The edge role: caches and delivers'),
  control: controlSchema.describe('How commands reach the edge of this process'),
});

export type Configuration = z.output<typeof configurationSchema>;
export type ConfigurationInput = z.input<typeof configurationSchema>;
