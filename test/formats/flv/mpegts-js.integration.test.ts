import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mpegtsJsClient, wireFormOf } from '../../../src/formats/flv/client-capabilities.ts';
import { encodeFlvHeader, encodeFlvTag } from '../../../src/formats/flv/flv-file.ts';
import { encodeAccessUnitTag, encodeColorInfoTag, encodeTrackConfigTag } from '../../../src/formats/flv/track-tag.ts';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import type { TrackConfig } from '../../../src/formats/media/track.ts';
import { allTrackConfigs, sampleAudios, sampleVideos, videoTrackConfig } from '../../support/sample-tracks.ts';

/** The demuxer of the real mpegts.js, as far as it is used here. Its package offers only the whole player. */
interface FlvDemuxer {
  onError: (type: string, info: string) => void;
  onMediaInfo: () => void;
  onTrackMetadata: (type: string, metadata: TrackMetadata) => void;
  onDataAvailable: (audio: DemuxedTrack, video: DemuxedTrack) => void;
  parseChunks(chunk: ArrayBuffer, byteStart: number): number;
}

interface TrackMetadata {
  readonly codec: string;
  readonly audioSampleRate?: number;
  readonly channelCount?: number;
  readonly codecWidth?: number;
  readonly codecHeight?: number;
}

interface DemuxedTrack {
  readonly samples: readonly unknown[];
}

type FlvDemuxerClass = (new (probed: object, config: object) => FlvDemuxer) & { probe(bytes: ArrayBuffer): object };

let folder: string;
let Demuxer: FlvDemuxerClass;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'streamfront-mpegts-'));
  const entry = join(import.meta.dirname, '..', '..', '..', 'node_modules/mpegts.js/src/demux/flv-demuxer.js');
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, minify: false, lib: { entry, formats: ['es'] } },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (output === undefined || !('output' in output)) throw new Error('vite built nothing');
  const [chunk] = output.output;
  const file = join(folder, 'flv-demuxer.mjs');
  // It looks at the browser's name when it reads AAC, and says much.
  const surroundings = `
    const self = { navigator: { userAgent: '' } };
    const console = { debug() {}, log() {}, info() {}, warn() {}, error() {} };`;
  await writeFile(file, `${surroundings}\n${chunk.code}`);
  ({ default: Demuxer } = (await import(pathToFileURL(file).href)) as { default: FlvDemuxerClass });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What mpegts.js makes of an FLV file of these tags. */
function demux(kind: 'video' | 'audio', payloads: readonly Uint8Array[]) {
  const typeId = kind === 'video' ? 9 : 8;
  const pieces = [
    encodeFlvHeader({ audio: kind === 'audio', video: kind === 'video' }),
    ...payloads.map((payload, index) => encodeFlvTag({ typeId, timestampMs: index * 40, payload })),
  ];
  const bytes = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
  const errors: string[] = [];
  const metadata: TrackMetadata[] = [];
  let samples = 0;
  const demuxer = new Demuxer(Demuxer.probe(bytes.buffer), {});
  demuxer.onError = (type, info) => errors.push(`${type}: ${info}`);
  demuxer.onMediaInfo = () => {};
  demuxer.onTrackMetadata = (_, track) => metadata.push({ ...track });
  demuxer.onDataAvailable = (audio, video) => {
    samples = audio.samples.length + video.samples.length;
  };
  demuxer.parseChunks(bytes.buffer, 0);
  return { errors, metadata, samples };
}

function tagsOf(config: TrackConfig): Uint8Array[] {
  const { trackId } = config;
  const units: AccessUnit[] =
    config.kind === 'audio'
      ? [0, 40].map((timestampMs) => ({
          kind: 'audio',
          trackId,
          timestampMs,
          data: sampleAudios[config.codec].frame,
        }))
      : [sampleVideos[config.codec].keyframe, sampleVideos[config.codec].interFrame].map((data, index) => ({
          kind: 'video',
          trackId,
          timestampMs: index * 40,
          keyframe: index === 0,
          compositionOffsetMs: 0,
          data,
        }));
  const header = encodeTrackConfigTag(config, mpegtsJsClient.dialect);
  return [...(header === undefined ? [] : [header]), ...units.map((unit) => encodeAccessUnitTag(config, unit))];
}

const kindsOfCodec = allTrackConfigs().map((config) => [config.codec, config] as const);

describe('mpegts.js, fed with the tags of a track', () => {
  it.each(kindsOfCodec.filter(([, config]) => wireFormOf(config, mpegtsJsClient) === 'send'))(
    'understands %s, which wireFormOf sends to it',
    (codec, config) => {
      const { errors, metadata, samples } = demux(config.kind, tagsOf(config));
      expect(errors).toEqual([]);
      const [track] = metadata;
      if (config.kind === 'video') {
        expect(track).toMatchObject({ codecWidth: config.width, codecHeight: config.height });
        // Codec and profile; what follows it derives in its own way.
        expect(track?.codec.slice(0, 6)).toBe(config.codecString.slice(0, 6));
      } else {
        expect(track).toMatchObject({ audioSampleRate: config.sampleRate, channelCount: config.channels });
        expect(track?.codec).toBe(codec === 'aac' ? config.codecString : codec);
      }
      expect(samples).toBe(2);
    },
  );

  it.each([
    ...kindsOfCodec.filter(([, config]) => wireFormOf(config, mpegtsJsClient) === 'drop'),
    ...allTrackConfigs(1).map((config) => [`${config.codec} of a further track`, config] as const),
  ])('stops at %s, which wireFormOf drops', (_, config) => {
    expect(demux(config.kind, tagsOf(config)).errors).not.toEqual([]);
  });

  it('stops at the colours of HEVC, which wireFormOfColorInfo drops', () => {
    const config = videoTrackConfig('hevc');
    const colors = encodeColorInfoTag(config, { colorConfig: undefined, hdrCll: undefined, hdrMdcv: undefined });
    expect(demux('video', [colors, ...tagsOf(config)]).errors).not.toEqual([]);
  });

  it('does not understand the FLAC header in the form of the specification', () => {
    const config = allTrackConfigs().find(({ codec }) => codec === 'flac');
    if (config === undefined) throw new Error('no FLAC');
    const standard = encodeTrackConfigTag(config);
    if (standard === undefined) throw new Error('no header');
    const [, ...frames] = tagsOf(config);
    const channelsWith = (header: Uint8Array) => demux('audio', [header, ...frames]).metadata[0]?.channelCount;
    expect(channelsWith(standard)).not.toBe(config.kind === 'audio' ? config.channels : undefined);
  });
});
