import { z } from 'zod';
import { durationField, sizeField } from '../base/setting-fields.ts';

/** How players get live streams: the same for the origin and for an edge. */
export const fanOutSchema = z
  .strictObject({
    mergeWindow: z
      .union([z.literal('adaptive'), durationField({ maxMs: 2_000 })])
      .prefault('adaptive')
      .describe(
        'How long what a stream sends is gathered for one write to each player: `0ms` for at once; `adaptive` grows with the number of players to at most 20 ms',
      ),
    maxQueue: sizeField({ minBytes: 262_144 })
      .prefault('8MiB')
      .describe('Bytes that wait for one player; beyond it, what comes is left out up to a keyframe'),
  })
  .transform(({ mergeWindow, maxQueue }) => ({ mergeWindow, maxQueueBytes: maxQueue }))
  .prefault({});

export type FanOutSettings = z.output<typeof fanOutSchema>;
