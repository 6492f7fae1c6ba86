import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { withoutSharedReading } from '../support/without-shared-reading.ts';
import { ingestWithNeighbour } from './ingest-with-neighbour.ts';
import { videoUnit } from './sample-media.ts';

const ingest = ingestWithNeighbour();

describe.each([
  ['into the buffer that all connections share', () => ({ [Symbol.dispose]: () => {} })],
  ['as from any stream, where Node does not give that', withoutSharedReading],
])('RtmpServer, read %s,', (how, prepare) => {
  it('takes what several encoders send at once, in pieces that end anywhere, and notices when they leave', async () => {
    using _prepared = prepare();
    const encoders = await Promise.all(
      ['a', 'b', 'c'].map(async (letter, number) => {
        const name = `${letter}-${how.length}`;
        const connection = await ingest.at('publishing', name);
        connection.sendHeaders();
        // The last one is more than is read at once.
        const units = [700, 9_000, 70_001, 300_000].map((bytes, index) =>
          videoUnit(number, index * 40, bytes + number),
        );
        return { name, connection, units };
      }),
    );
    for (let index = 0; index < 4; index++) {
      for (const { connection, units } of encoders) {
        const unit = units[index];
        if (unit !== undefined) connection.sendUnit(unit);
      }
    }
    for (const { name, connection, units } of encoders) {
      const followed = ingest.server.followed(`live/${name}`);
      await eventually('all arrived', () => followed.units.length === units.length);
      expect(followed.units).toEqual(units);
      connection.destroy();
      await eventually('it has left', () => followed.events.includes('stop'));
    }
  });
});
