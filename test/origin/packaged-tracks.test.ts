import { describe, expect, it } from 'vitest';
import { Amf0EcmaArray } from '../../src/formats/amf0/value.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioTrackConfig, sampleAudios, sampleVideos, videoTrackConfig } from '../support/sample-tracks.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const warnings = (published: PublishedStream) =>
  published.log.lines.filter(({ level, message }) => level === 'warn' && message.includes('not packaged'));

const ofTrack = (units: readonly AccessUnit[], trackId: number): AccessUnit[] =>
  units.map((unit) => ({ ...unit, trackId }));

describe('Packager, further tracks', () => {
  const ofTracks = (seconds: number) =>
    interleaved(
      videoUnits({ seconds }),
      ofTrack(videoUnits({ seconds, bytes: 4 }), 1),
      audioUnits({ seconds }),
      ofTrack(audioUnits({ seconds, fromMs: 9 }), 1),
      ofTrack(audioUnits({ seconds, fromMs: 3 }), 2),
    );
  const configs = [videoConfig, audioConfig].flatMap((config) => [config, { ...config, trackId: 1 }]);

  it('makes a rendition of each, all cut at the same instants', () => {
    const published = new PublishedStream();
    published.start([...configs, { ...audioConfig, trackId: 2 }]);
    published.send(ofTracks(15));
    published.stop();
    published.end();
    const names = published.packager.renditions.map(({ name }) => name);
    expect(names).toEqual(['video', 'video-1', 'audio', 'audio-1', 'audio-2']);
    expect(published.findings).toEqual([]);
    const starts = published.packager.renditions.map(({ window }) =>
      window.segments.map(({ msn, startSeconds }) => [msn, Math.round(startSeconds * 10)]),
    );
    for (const other of starts) expect(other).toEqual(starts[0]);
  });

  it('lists pictures as variants, each with all the sound', () => {
    const published = new PublishedStream();
    published.start([...configs, { ...audioConfig, trackId: 2 }]);
    published.send(ofTracks(6));
    expect(
      published.packager
        .multivariantPlaylist()
        ?.plain.toString()
        .replaceAll(/BANDWIDTH=\d+/g, 'BANDWIDTH=_'),
    ).toBe(
      `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio 1",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio 2",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="audio-1.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio 3",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="audio-2.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=_,AVERAGE-BANDWIDTH=_,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30,AUDIO="audio"
video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=_,AVERAGE-BANDWIDTH=_,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30,AUDIO="audio"
video-1.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=_,AVERAGE-BANDWIDTH=_,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="video-iframes.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=_,AVERAGE-BANDWIDTH=_,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="video-1-iframes.m3u8"
`,
    );
  });

  const metadata = (audio: Record<string, Record<string, string>>) => ({
    name: 'onMetaData',
    timestampMs: 0,
    values: [
      new Amf0EcmaArray(
        new Map([
          [
            'audioTrackIdInfoMap',
            new Map(Object.entries(audio).map(([id, info]) => [id, new Map(Object.entries(info))] as const)),
          ],
        ]),
      ),
    ],
  });
  const soundTags = (published: PublishedStream) =>
    [...(published.packager.multivariantPlaylist()?.plain.toString() ?? '').matchAll(/^#EXT-X-MEDIA:(.*)$/gm)].map(
      ([, attributes = '']) =>
        ['GROUP-ID', 'NAME', 'LANGUAGE', 'DEFAULT'].map(
          (name) => new RegExp(`[,:]${name}="?([^",]*)`).exec(`,${attributes}`)?.[1],
        ),
    );

  it('calls sound what onMetaData calls it, and does not believe every language', () => {
    const published = new PublishedStream();
    published.start([...configs, { ...audioConfig, trackId: 2 }]);
    published.stream.pushData(
      metadata({
        0: { language: 'de', name: 'Deutsch' },
        1: { lang: 'pt-BR' },
        2: { language: 'not a language', name: 'Ton\n"zwei"' },
      }),
    );
    published.send(ofTracks(6));
    expect(soundTags(published)).toEqual([
      ['audio', 'Deutsch', 'de', 'YES'],
      ['audio', 'Audio 2', 'pt-BR', 'NO'],
      ['audio', 'Tonzwei', undefined, 'NO'],
    ]);
    published.stream.pushData(metadata({ 0: { name: 'same' }, 1: { name: 'same' } }));
    expect(soundTags(published).map(([, name]) => name)).toEqual(['Audio 1', 'Audio 2', 'Audio 3']);
  });

  it('keeps sound of different codecs in groups of their own, each with every picture', () => {
    const published = new PublishedStream();
    const opus = audioTrackConfig('opus', 1);
    published.start([videoConfig, audioConfig, opus]);
    const data = sampleAudios.opus.frame;
    const packets = Array.from({ length: 300 }, (_, index) => ({
      kind: 'audio' as const,
      trackId: 1,
      timestampMs: index * 20,
      data,
    }));
    published.send(interleaved(videoUnits({ seconds: 6 }), audioUnits({ seconds: 6 }), packets));
    expect(soundTags(published).map(([group, name]) => [group, name])).toEqual([
      ['audio-aac', 'Audio 1'],
      ['audio-opus', 'Audio 2'],
    ]);
    const text = published.packager.multivariantPlaylist()?.plain.toString() ?? '';
    expect([...text.matchAll(/CODECS="([^"]*)".*AUDIO="([^"]*)"\nvideo\.m3u8/g)].map(([, ...found]) => found)).toEqual([
      ['avc1.64001f,mp4a.40.2', 'audio-aac'],
      ['avc1.64001f,Opus', 'audio-opus'],
    ]);
  });

  it('offers several sounds without pictures as one variant, with the others beside it', () => {
    const published = new PublishedStream();
    published.start([audioConfig, { ...audioConfig, trackId: 1 }]);
    published.send(interleaved(audioUnits({ seconds: 8 }), ofTrack(audioUnits({ seconds: 8 }), 1)));
    const text = published.packager.multivariantPlaylist()?.plain.toString() ?? '';
    expect(text).toMatch(/NAME="Audio 1",[^\n]*CHANNELS="2"\n/);
    expect(text).toMatch(/NAME="Audio 2",[^\n]*URI="audio-1\.m3u8"\n/);
    expect(text).toMatch(/AUDIO="audio"\naudio\.m3u8\n$/);
  });
});

describe('Packager, tracks that it cannot package', () => {
  it('leaves out a further track of another codec, with one line, and packages the first as if it were alone', () => {
    const alone = new PublishedStream();
    const beside = new PublishedStream();
    const first = interleaved(videoUnits({ seconds: 8 }), audioUnits({ seconds: 8 }));
    alone.start([videoConfig, audioConfig]);
    alone.send(first);
    beside.start([videoConfig, audioConfig, videoTrackConfig('vp8', 2)]);
    beside.send(interleaved(first, ofTrack(videoUnits({ seconds: 8, fromMs: 7 }), 2)));
    for (const name of ['video.m3u8', 'audio.m3u8']) {
      expect(beside.playlist(name)).not.toBe('');
      expect(beside.playlist(name)).toBe(alone.playlist(name));
    }
    expect(warnings(beside).map(({ fields }) => [fields['kind'], fields['track'], fields['codec']])).toEqual([
      ['video', 2, 'vp08.00.10.08'],
    ]);
  });

  it('packages the sound of a stream whose picture is VP8', () => {
    const published = new PublishedStream();
    published.start([videoTrackConfig('vp8'), audioConfig]);
    const data = sampleVideos.vp8.keyframe;
    const pictures = videoUnits({ seconds: 6 }).map((unit) => ({ ...unit, data }));
    published.send(interleaved(pictures, audioUnits({ seconds: 6 })));
    expect(published.packager.renditions.map(({ kind }) => kind)).toEqual(['audio']);
    expect(warnings(published)).toHaveLength(1);
  });

  it('stops packaging a picture that becomes VP8, and goes on when it is H.264 again', () => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    published.send(interleaved(videoUnits({ seconds: 5 }), audioUnits({ seconds: 5 })));
    const segmentsBefore = published.packager.rendition('video')?.window.segments.length ?? 0;
    expect(segmentsBefore).toBeGreaterThan(0);
    published.stream.setTrackConfig(videoTrackConfig('vp8'));
    published.send(interleaved(videoUnits({ fromMs: 5_000, seconds: 4 }), audioUnits({ fromMs: 5_000, seconds: 4 })));
    expect(warnings(published)).toHaveLength(1);
    const bytes = () => published.packager.rendition('video')?.window.segments.filter(({ gap }) => !gap).length ?? 0;
    const whileVp8 = bytes();
    published.stream.setTrackConfig(videoConfig);
    published.send(interleaved(videoUnits({ fromMs: 9_000, seconds: 6 }), audioUnits({ fromMs: 9_000, seconds: 6 })));
    expect(bytes()).toBeGreaterThan(whileVp8);
    expect(warnings(published)).toHaveLength(1);
  });
});
