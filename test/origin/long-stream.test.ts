import { describe, expect, it } from 'vitest';
import { liveObjects } from '../support/live-objects.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const stretchSeconds = 64;

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
  it('holds no more after half an hour of a stream than after ten minutes', () => {
    const published = new WatchedStream();
    published.start([videoConfig, audioConfig]);
    let stretches = 0;
    const objectsAfter = (minutes: number) => {
      for (; stretches * stretchSeconds < minutes * 60; stretches++) {
        const run = { fromMs: stretches * stretchSeconds * 1_000, seconds: stretchSeconds };
        published.clock.advance(run.fromMs - published.clock.monotonicMs());
        published.send(interleaved(videoUnits(run), audioUnits(run)));
      }
      return liveObjects(Object);
    };
    const before = objectsAfter(10);
    // There are hundreds of segments and thousands of parts between them.
    expect(objectsAfter(30)).toBeLessThan(before + 150);
    expect(published.packager.renditions[0]?.window.lastCompleteMsn).toBeGreaterThan(890);
  });
});
