import { z } from 'zod';
import { listenField } from '../base/setting-fields.ts';

/** What the control listener can be told. */
export const controlSchema = z
  .strictObject({
    http: listenField(8082).describe('Where commands such as `streamfront invalidate` reach the edge of this process'),
  })
  .prefault({});

export type ControlSettings = z.output<typeof controlSchema>;
