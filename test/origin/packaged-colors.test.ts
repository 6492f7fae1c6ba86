import { describe, expect, it } from 'vitest';
import type { ColorInfo } from '../../src/formats/media/color-info.ts';
import { hdr10Display } from '../support/hdr10-display.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { sampleVideos, videoTrackConfig } from '../support/sample-tracks.ts';
import { audioConfig, audioUnits, interleaved, videoUnits } from '../support/synthetic-units.ts';

const { keyframe, interFrame } = sampleVideos.hevc;

const pictures = (fromMs: number, seconds: number) =>
  videoUnits({ fromMs, seconds }).map((unit) => ({
    ...unit,
    data: unit.kind === 'video' && unit.keyframe ? keyframe : interFrame,
  }));

const media = (fromMs: number, seconds: number) =>
  interleaved(pictures(fromMs, seconds), audioUnits({ fromMs, seconds }));

const hdr10: ColorInfo = {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: { maxCll: 1_000, maxFall: 400 },
  hdrMdcv: hdr10Display,
};

function initOf(published: PublishedStream, index: number): Buffer {
  return Buffer.from(published.packager.rendition('video')?.init(index) ?? []);
}

const indexOf = (published: PublishedStream) => published.packager.multivariantPlaylist()?.plain.toString() ?? '';

describe('Packager, colours that the publisher says beside the bitstream', () => {
  it('are in the initialisation segment and in the playlist', () => {
    const published = new PublishedStream();
    published.start([videoTrackConfig('hevc'), audioConfig]);
    published.stream.setColorInfo(0, hdr10);
    published.send(media(0, 6));
    for (const box of ['colr', 'mdcv', 'clli']) expect(initOf(published, 0).includes(box)).toBe(true);
    expect(indexOf(published)).toContain(',VIDEO-RANGE=PQ,');
    expect(published.playlist('video.m3u8')).not.toContain('DISCONTINUITY\n');
  });

  it('make a new initialisation segment when they change, and none when they are said again', () => {
    const published = new PublishedStream();
    published.start([videoTrackConfig('hevc'), audioConfig]);
    published.send(media(0, 6));
    expect(indexOf(published)).not.toContain('VIDEO-RANGE');
    expect(initOf(published, 0).includes('mdcv')).toBe(false);
    published.stream.setColorInfo(0, hdr10);
    published.send(media(6_000, 6));
    published.stream.setColorInfo(0, { ...hdr10 });
    published.send(media(12_000, 6));
    expect(published.playlist('video.m3u8').match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    expect(published.playlist('video.m3u8')).toContain('#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="e1/video/init-1.mp4"');
    expect(initOf(published, 1).includes('mdcv')).toBe(true);
    expect(indexOf(published)).toContain(',VIDEO-RANGE=PQ,');
    published.stop();
    published.end();
    expect(validateMediaPlaylists(published.histories)).toEqual([]);
  });

  it('are taken back with the publication', () => {
    const published = new PublishedStream();
    published.start([videoTrackConfig('hevc'), audioConfig]);
    published.stream.setColorInfo(0, hdr10);
    published.send(media(0, 6));
    published.stop();
    published.start([videoTrackConfig('hevc'), audioConfig]);
    published.send(media(0, 6));
    expect(initOf(published, 1).includes('mdcv')).toBe(false);
    expect(indexOf(published)).not.toContain('VIDEO-RANGE');
  });
});
