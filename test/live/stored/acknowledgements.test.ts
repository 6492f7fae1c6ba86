import { expect, it } from 'vitest';
import { legacyFlvClient } from '../../../src/formats/flv/client-capabilities.ts';
import { StoredFeed } from '../../../src/live/stored/stored-feed.ts';
import { SampleFile } from '../../support/stored-sample.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { RecordingConnection } from './recording-connection.ts';

it('StoredFeed sends a client that acknowledges no more than two windows ahead, unless it stops to acknowledge', () => {
  const clock = new VirtualClock();
  const feed = new StoredFeed({
    file: new SampleFile('video.mp4', { seconds: 20, videoBytes: 4_000 }),
    connection: new RecordingConnection(),
    chunkBytes: 60_000,
    messageStreamId: 1,
    windowBytes: 100_000,
    client: legacyFlvClient,
    clock,
    onBegin: () => {},
    onEnd: () => {},
    onFailed: (error) => {
      throw error;
    },
  });
  feed.setBuffer(36_000_000);
  feed.play(0);
  const before = feed.writtenBytes;
  feed.acknowledge(1_000);
  for (let turn = 0; turn < 4_000; turn++) clock.advance(1);
  expect(feed.writtenBytes - before).toBeGreaterThan(200_000);
  expect(feed.writtenBytes - before).toBeLessThan(210_000);
  feed.acknowledge(51_000);
  for (let turn = 0; turn < 4_000; turn++) clock.advance(1);
  expect(feed.writtenBytes - before).toBeGreaterThan(250_000);
  expect(feed.writtenBytes - before).toBeLessThan(260_000);
  for (let turn = 0; turn < 2_000; turn++) clock.advance(1);
  expect(feed.writtenBytes - before).toBeGreaterThan(1_000_000);
  feed.end();
});
