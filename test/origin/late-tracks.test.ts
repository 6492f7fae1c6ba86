import { describe, expect, it } from 'vitest';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

describe('Packager, a track that begins late', () => {
  const spans = (published: PublishedStream, name: string) =>
    published.packager
      .rendition(name)
      ?.window.segments.map(({ msn, startSeconds, durationSeconds, discontinuity }) => ({
        msn,
        from: Math.round(startSeconds * 10) / 10,
        to: Math.round((startSeconds + durationSeconds) * 10) / 10,
        discontinuity,
      }));

  it.each([1.7, 6.5])('of sound after %d s is a rendition from its discontinuity on', (afterSeconds) => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    const fromMs = afterSeconds * 1_000;
    published.send(interleaved(videoUnits({ seconds: 14 }), audioUnits({ fromMs, seconds: 14 - afterSeconds })));
    published.stop();
    published.end();
    const video = spans(published, 'video') ?? [];
    const joined = video.findIndex(({ discontinuity }) => discontinuity);
    expect(video.map(({ discontinuity }) => discontinuity).filter(Boolean)).toHaveLength(1);
    expect(video[joined]?.from).toBe(10 + Math.ceil(afterSeconds / 2) * 2);
    expect(spans(published, 'audio')).toEqual(video.slice(joined));
    const multivariant = published.packager.multivariantPlaylist()?.plain.toString();
    expect(multivariant).toContain('CODECS="avc1.64001f,mp4a.40.2"');
    expect(published.findings).toEqual([]);
  });

  it('of pictures is a rendition from its first keyframe on, and the sound goes on', () => {
    const published = new PublishedStream();
    published.start([audioConfig]);
    published.send(audioUnits({ seconds: 7 }));
    published.stream.setTrackConfig(videoConfig);
    published.send(interleaved(videoUnits({ fromMs: 7_000, seconds: 8 }), audioUnits({ fromMs: 7_000, seconds: 8 })));
    published.stop();
    published.end();
    const sound = spans(published, 'audio') ?? [];
    const joined = sound.findIndex(({ discontinuity }) => discontinuity);
    expect(spans(published, 'video')).toEqual(sound.slice(joined));
    sound.slice(1).forEach(({ from }, index) => expect(from).toBe(sound[index]?.to));
    expect(published.packager.rendition('video')?.window.segments.every(({ independent }) => independent)).toBe(true);
    expect(published.findings).toEqual([]);
  });
});
