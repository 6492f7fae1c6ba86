import { describe, expect, it } from 'vitest';
import { misleadingHints } from './preload-hints.ts';
import { PublishedStream } from './published-stream.ts';
import { videoConfig, videoUnits } from './synthetic-units.ts';

describe('misleadingHints', () => {
  const published = new PublishedStream();
  published.start([videoConfig]);
  published.send(videoUnits({ seconds: 10 }));
  const texts = published.histories.get('video.m3u8') ?? [];
  const hints = texts.map((text) => /PRELOAD-HINT:.*URI="([^"]*)"/.exec(text)?.[1]);
  const misled = hints.indexOf('e1/video/2.6.m4s');

  it('tells of a hint at a part that does not come, with what comes in its place, also when that is states later', () => {
    // Where segments end is not known yet then.
    const listed = texts.findIndex((text) => text.includes('/3.0.m4s",'));
    expect(listed).toBeGreaterThan(misled + 1);
    expect(misleadingHints(texts.slice(0, listed + 1))).toEqual([
      `state ${misled}: PRELOAD-HINT named e1/video/2.6.m4s, but e1/video/3.0.m4s came`,
    ]);
  });

  it('has nothing to say where what was named comes, or nothing has come yet', () => {
    expect(misleadingHints(texts.slice(0, misled + 1))).toEqual([]);
    const known = hints.indexOf('e1/video/4.1.m4s');
    expect(known).toBeGreaterThan(misled);
    expect(misleadingHints(texts.slice(known))).toEqual([]);
  });
});
