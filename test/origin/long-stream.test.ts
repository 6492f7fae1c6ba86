import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { memoryInUseMiB } from '../rtmp/collect-garbage.ts';
import { KeptHouse } from '../support/kept-origin.ts';
import { liveObjects } from '../support/live-objects.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const stretchSeconds = 64;

function run(seconds: number, fromMs = 0) {
  return interleaved(videoUnits({ fromMs, seconds }), audioUnits({ fromMs, seconds }));
}

/** Playlists are written now and then; what they said is not kept. */
class WatchedStream extends PublishedStream {
  override record(): void {
    if (this.clock.monotonicMs() % 5_000 !== 0) return;
    const { packager } = this;
    for (const rendition of packager.renditions) {
      packager.mediaPlaylist(rendition);
      packager.mediaPlaylist(rendition, 'v2');
      packager.iFramePlaylist(rendition);
    }
    packager.multivariantPlaylist();
  }
}

describe('Packager', () => {
  it('holds no more after twenty minutes of a stream than after eight', () => {
    const published = new WatchedStream();
    published.start([videoConfig, audioConfig]);
    let stretches = 0;
    const objectsAfter = (minutes: number) => {
      for (; stretches * stretchSeconds < minutes * 60; stretches++) {
        const fromMs = stretches * stretchSeconds * 1_000;
        published.clock.advance(fromMs - published.clock.monotonicMs());
        published.send(run(stretchSeconds, fromMs));
      }
      return liveObjects(Object);
    };
    const before = objectsAfter(8);
    // There are hundreds of segments and thousands of parts between them.
    expect(objectsAfter(20)).toBeLessThan(before + 150);
    expect(published.packager.renditions[0]?.window.lastCompleteMsn).toBeGreaterThan(590);
  });

  it.each([{}, { encryption: [{ stream: 'live/*', method: 'AES-128' }] }])(
    'lets go of the media from before a restart when it has left the window, with %j',
    async (settings) => {
      await using house = new KeptHouse({ window: '10s', ...settings });
      const first = await house.start();
      first.publish([videoConfig, audioConfig]);
      first.send(run(12));
      await house.sync();
      await house.killed(0);
      const second = await house.start();
      const mediaFromBefore = (second.packager?.renditions ?? []).flatMap(({ window }) =>
        window.segments.flatMap(({ parts }) => parts.map(({ bytes }) => new WeakRef(bytes))),
      );
      const left = () => {
        memoryInUseMiB();
        return mediaFromBefore.filter((part) => part.deref() !== undefined).length;
      };
      // What was looked at in this turn is held until its end.
      await setImmediate();
      expect(left()).toBeGreaterThan(10);
      second.publish([videoConfig, audioConfig]);
      second.send(run(60));
      await setImmediate();
      expect(left()).toBe(0);
    },
  );
});
