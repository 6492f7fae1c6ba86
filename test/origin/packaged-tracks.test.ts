import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioTrackConfig, sampleVideos, videoTrackConfig } from '../support/sample-tracks.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const warnings = (published: PublishedStream) =>
  published.log.lines.filter(({ level, message }) => level === 'warn' && message.includes('not packaged'));

const ofTrack = (units: readonly AccessUnit[], trackId: number): AccessUnit[] =>
  units.map((unit) => ({ ...unit, trackId }));

describe('Packager, tracks that it cannot package', () => {
  it('leaves out further tracks, each with one line, and packages the first as if it were alone', () => {
    const alone = new PublishedStream();
    const beside = new PublishedStream();
    const first = interleaved(videoUnits({ seconds: 8 }), audioUnits({ seconds: 8 }));
    const further = interleaved(
      ofTrack(videoUnits({ seconds: 8, gop: 25 }), 1),
      ofTrack(audioUnits({ seconds: 8, fromMs: 7 }), 2),
    );
    alone.start([videoConfig, audioConfig]);
    alone.send(first);
    beside.start([videoConfig, audioConfig, { ...videoConfig, trackId: 1 }, audioTrackConfig('opus', 2)]);
    beside.send(interleaved(first, further));
    for (const name of ['video.m3u8', 'audio.m3u8']) {
      expect(beside.playlist(name)).not.toBe('');
      expect(beside.playlist(name)).toBe(alone.playlist(name));
    }
    expect(warnings(beside).map(({ fields }) => [fields['kind'], fields['track'], fields['codec']])).toEqual([
      ['video', 1, 'avc1.64001f'],
      ['audio', 2, 'Opus'],
    ]);
  });

  it('packages the sound of a stream whose picture is HEVC', () => {
    const published = new PublishedStream();
    published.start([videoTrackConfig('hevc'), audioConfig]);
    const data = sampleVideos.hevc.keyframe;
    const pictures = videoUnits({ seconds: 6 }).map((unit) => ({ ...unit, data }));
    published.send(interleaved(pictures, audioUnits({ seconds: 6 })));
    expect(published.packager.renditions.map(({ kind }) => kind)).toEqual(['audio']);
    expect(warnings(published)).toHaveLength(1);
  });

  it('stops packaging a picture that becomes HEVC, and goes on when it is H.264 again', () => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    published.send(interleaved(videoUnits({ seconds: 5 }), audioUnits({ seconds: 5 })));
    const segmentsBefore = published.packager.rendition('video')?.window.segments.length ?? 0;
    expect(segmentsBefore).toBeGreaterThan(0);
    published.stream.setTrackConfig(videoTrackConfig('hevc'));
    published.send(interleaved(videoUnits({ fromMs: 5_000, seconds: 4 }), audioUnits({ fromMs: 5_000, seconds: 4 })));
    expect(warnings(published)).toHaveLength(1);
    const bytes = () => published.packager.rendition('video')?.window.segments.filter(({ gap }) => !gap).length ?? 0;
    const whileHevc = bytes();
    published.stream.setTrackConfig(videoConfig);
    published.send(interleaved(videoUnits({ fromMs: 9_000, seconds: 6 }), audioUnits({ fromMs: 9_000, seconds: 6 })));
    expect(bytes()).toBeGreaterThan(whileHevc);
    expect(warnings(published)).toHaveLength(1);
  });
});
