import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { amf0Object, Amf0EcmaArray, propertiesOf } from '../../src/formats/amf0/value.ts';
import { encodeVideoTag } from '../../src/formats/flv/video-tag.ts';
import type { ColorInfo } from '../../src/formats/media/color-info.ts';
import { encodeDataMessage } from '../../src/formats/rtmp/data-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { encodeTrack } from '../support/encoded-tracks.ts';
import { compositionOffsetMs, videoMessages } from '../support/enhanced-media.ts';
import { audioPacket, enhancedPacket, videoPacket, withCompositionOffset } from '../support/enhanced-packets.ts';
import { sampleAudios, sampleVideos } from '../support/sample-tracks.ts';
import { RawConnection } from './raw-connection.ts';
import { audioUnit, videoUnit } from './sample-media.ts';
import { startTestIngest, type TestIngest } from './test-ingest.ts';

let server: TestIngest;
let opened: RawConnection[];

beforeAll(async () => {
  server = await startTestIngest();
});

afterAll(() => server.close());

beforeEach(() => {
  opened = [];
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await eventually('everybody has left', () => server.ingest.stats().connections === 0);
});

async function publishing(name: string): Promise<RawConnection> {
  const connection = await RawConnection.at('publishing', server.port, name);
  opened.push(connection);
  return connection;
}

const warningsOf = (name: string) =>
  server.log.lines.filter(({ level, fields }) => level === 'warn' && fields['stream'] === `live/${name}`);

// What ffmpeg 6.1 and OBS 30 would send, made of files of ffmpeg 5.1, which cannot write it itself.

const h265 = '-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=2 -tag:v hvc1';

describe('video of ffmpeg over Enhanced RTMP', () => {
  it.each([
    ['hevc', 'hvc1', 'hvcC', `-pix_fmt yuv420p10le ${h265}`, 'mp4', /^hvc1\.2\.4\.L60\.90$/],
    ['av1', 'av01', 'av1C', '-c:v libsvtav1 -preset 12', 'mp4', /^av01\.0\.00M\.08$/],
    ['vp9', 'vp09', 'vpcC', '-c:v libvpx-vp9 -deadline realtime -cpu-used 8', 'mp4', /^vp09\.00\.\d\d\.08$/],
  ])('arrives as it was sent: %s', async (codec, fourCc, box, options, ending, codecString) => {
    const track = await encodeTrack('testsrc2=s=322x182:r=25:d=1', options, ending);
    const record = track.box(box);
    if (record === undefined) throw new Error(`no ${box}`);
    const connection = await publishing(`ffmpeg-${codec}`);
    for (const message of videoMessages(fourCc, record, track)) connection.sendMessage(message);
    const { configs, units } = server.followed(`live/ffmpeg-${codec}`);
    await eventually('all frames', () => units.length === track.packets.length);
    expect(configs).toMatchObject([{ kind: 'video', codec, trackId: 0, width: 322, height: 182 }]);
    expect(configs[0]?.codecString).toMatch(codecString);
    expect(units).toEqual(
      track.packets.map(({ data, keyframe }, index) => ({
        kind: 'video',
        trackId: 0,
        timestampMs: index * 40,
        keyframe,
        compositionOffsetMs: codec === 'hevc' ? compositionOffsetMs(track.packets, index) : 0,
        data,
      })),
    );
    // The reordering of B-frames is in it.
    if (codec === 'hevc')
      expect(new Set(track.packets.map((_, index) => compositionOffsetMs(track.packets, index))).size).toBe(3);
    expect(warningsOf(`ffmpeg-${codec}`)).toEqual([]);
  });
});

describe('audio of ffmpeg over Enhanced RTMP', () => {
  it.each([
    ['opus', 'Opus', '-c:a libopus -ac 2', 'webm', 48_000, 2],
    ['flac', 'fLaC', '-c:a flac -strict -2 -ac 2', 'mp4', 44_100, 2],
    ['ac3', 'ac-3', '-c:a ac3 -ac 6', 'mp4', 44_100, 6],
    ['eac3', 'ec-3', '-c:a eac3 -ac 6', 'mp4', 44_100, 6],
    ['mp3', '.mp3', '-c:a libmp3lame -ac 1 -write_xing 0', 'mp3', 44_100, 1],
    ['aac', 'mp4a', '-c:a aac -ac 2', 'mp4', 44_100, 2],
  ])('arrives as it was sent: %s', async (codec, fourCc, options, ending, sampleRate, channels) => {
    const { packets, description } = await encodeTrack('sine=r=44100:d=0.5', options, ending);
    const connection = await publishing(`ffmpeg-${codec}`);
    const send = (packetType: number, body: Uint8Array, timestampMs: number) =>
      connection.sendMessage(
        {
          typeId: messageType.audio,
          timestampMs,
          payload: enhancedPacket({ media: 'audio', packetType, tracks: [{ fourCc, body }] }),
        },
        4,
      );
    // Empty for codecs that have none, as ffmpeg writes it.
    send(audioPacket.sequenceStart, description ?? new Uint8Array(0), 0);
    for (const [index, { data }] of packets.entries()) send(audioPacket.codedFrames, data, index * 20);
    const { configs, units } = server.followed(`live/ffmpeg-${codec}`);
    await eventually('all frames', () => units.length === packets.length);
    expect(configs).toMatchObject([{ kind: 'audio', codec, trackId: 0, sampleRate, channels }]);
    expect(units).toEqual(
      packets.map(({ data }, index) => ({ kind: 'audio', trackId: 0, timestampMs: index * 20, data })),
    );
    expect(warningsOf(`ffmpeg-${codec}`)).toEqual([]);
  });
});

const colorInfo: ColorInfo = {
  colorConfig: { bitDepth: 10, colorPrimaries: 9, transferCharacteristics: 16, matrixCoefficients: 9 },
  hdrCll: { maxFall: 400, maxCll: 1_000 },
  hdrMdcv: undefined,
};

describe('a publisher that announces nothing', () => {
  it('is understood in the order of OBS: sound, then the colours, then the header of the picture', async () => {
    const connection = await publishing('obs-hdr');
    const { aac } = sampleAudios;
    const { hevc } = sampleVideos;
    const start = { media: 'video', packetType: videoPacket.sequenceStart } as const;
    const video = (payload: Uint8Array, timestampMs = 0) =>
      connection.sendMessage({ typeId: messageType.video, timestampMs, payload });
    connection.sendMessage({ typeId: messageType.audio, payload: Uint8Array.of(0xaf, 0, ...aac.record) }, 4);
    video(encodeVideoTag({ kind: 'color-info', codec: 'hevc', trackId: 0, colorInfo }));
    video(enhancedPacket({ ...start, tracks: [{ fourCc: 'hvc1', body: hevc.record }] }));
    const coded = { media: 'video', packetType: videoPacket.codedFramesX } as const;
    video(enhancedPacket({ ...coded, tracks: [{ fourCc: 'hvc1', body: hevc.keyframe }] }), 0);
    video(enhancedPacket({ ...coded, frameType: 2, tracks: [{ fourCc: 'hvc1', body: hevc.interFrame }] }), 40);
    const { configs, colors, units } = server.followed('live/obs-hdr');
    await eventually('both frames', () => units.length === 2);
    expect(configs.map(({ codec }) => codec)).toEqual(['aac', 'hevc']);
    expect(colors).toEqual([{ trackId: 0, colorInfo }]);
    expect(server.directory.get('live/obs-hdr')?.colorInfo(0)).toEqual(colorInfo);
    video(encodeVideoTag({ kind: 'color-info', codec: 'hevc', trackId: 0, colorInfo: undefined }));
    await eventually('the colours are taken back', () => colors.length === 2);
    expect(colors[1]).toEqual({ trackId: 0, colorInfo: undefined });
  });

  it('may send further tracks of H.264 and AAC as OBS does, beside the first in the form of old', async () => {
    const connection = await publishing('obs-multitrack');
    connection.sendHeaders();
    const { avc } = sampleVideos;
    const { aac } = sampleAudios;
    const further = (media: 'video' | 'audio', packetType: number, fourCc: string, body: Uint8Array, trackId: number) =>
      connection.sendMessage(
        {
          typeId: messageType[media],
          timestampMs: 40 * trackId,
          payload: enhancedPacket({ media, packetType, multitrack: 'one-track', tracks: [{ fourCc, trackId, body }] }),
        },
        media === 'video' ? 6 : 4,
      );
    for (const trackId of [1, 2]) {
      further('video', videoPacket.sequenceStart, 'avc1', avc.record, trackId);
      further('video', videoPacket.codedFrames, 'avc1', withCompositionOffset(-40, avc.keyframe), trackId);
      further('audio', audioPacket.sequenceStart, 'mp4a', aac.record, trackId);
      further('audio', audioPacket.codedFrames, 'mp4a', aac.frame, trackId);
    }
    connection.sendUnit(videoUnit(0));
    connection.sendUnit(audioUnit(0));
    const { configs, units } = server.followed('live/obs-multitrack');
    await eventually('all frames', () => units.length === 6);
    expect(
      server.directory.get('live/obs-multitrack')?.trackConfigs.map(({ kind, trackId }) => [kind, trackId]),
    ).toEqual([
      ['video', 0],
      ['video', 1],
      ['video', 2],
      ['audio', 0],
      ['audio', 1],
      ['audio', 2],
    ]);
    expect(configs).toHaveLength(6);
    const ofTrack = (kind: string, trackId: number) =>
      units.filter((unit) => unit.kind === kind && unit.trackId === trackId);
    expect(ofTrack('video', 0)).toEqual([videoUnit(0)]);
    expect(ofTrack('audio', 0)).toEqual([audioUnit(0)]);
    for (const trackId of [1, 2]) {
      expect(ofTrack('video', trackId)).toEqual([
        {
          kind: 'video',
          trackId,
          timestampMs: 40 * trackId,
          keyframe: true,
          compositionOffsetMs: -40,
          data: avc.keyframe,
        },
      ]);
      expect(ofTrack('audio', trackId)).toEqual([
        { kind: 'audio', trackId, timestampMs: 40 * trackId, data: aac.frame },
      ]);
    }
  });

  it('may put all tracks in one message, behind modifiers', async () => {
    const connection = await publishing('many-tracks');
    const { av1, hevc } = sampleVideos;
    const message = (packetType: number, bodies: readonly Uint8Array[]) =>
      connection.sendMessage({
        typeId: messageType.video,
        payload: enhancedPacket({
          media: 'video',
          packetType,
          modifiers: [
            { type: 0, data: Uint8Array.of(0x01, 0x86, 0xa0) },
            { type: 9, data: new Uint8Array(300) },
          ],
          multitrack: 'many-tracks-many-codecs',
          tracks: [hevc, av1].map(({ fourCc }, trackId) => ({
            fourCc,
            trackId,
            body: bodies[trackId] ?? new Uint8Array(0),
          })),
        }),
      });
    message(videoPacket.sequenceStart, [hevc.record, av1.record]);
    message(videoPacket.codedFrames, [withCompositionOffset(7, hevc.keyframe), av1.keyframe]);
    const { units } = server.followed('live/many-tracks');
    await eventually('both frames', () => units.length === 2);
    expect(units).toMatchObject([
      { trackId: 0, compositionOffsetMs: 7, data: hevc.keyframe },
      { trackId: 1, compositionOffsetMs: 0, data: av1.keyframe },
    ]);
  });

  it('may change its codec in the middle', async () => {
    const connection = await publishing('changing');
    connection.sendHeaders();
    connection.sendUnit(videoUnit(0));
    const { hevc } = sampleVideos;
    const video = (packetType: number, body: Uint8Array) =>
      connection.sendMessage({
        typeId: messageType.video,
        payload: enhancedPacket({ media: 'video', packetType, tracks: [{ fourCc: 'hvc1', body }] }),
      });
    video(videoPacket.sequenceStart, hevc.record);
    video(videoPacket.codedFramesX, hevc.keyframe);
    const { configs, units } = server.followed('live/changing');
    await eventually('both frames', () => units.length === 2);
    expect(configs.map(({ codec }) => codec)).toEqual(['avc', 'aac', 'hevc']);
    expect(server.directory.get('live/changing')?.trackConfigs.map(({ codec }) => codec)).toEqual(['hevc', 'aac']);
  });

  it('is warned once of tracks beyond the bound and of codecs of further tracks; the rest goes on', async () => {
    const connection = await publishing('too-many');
    connection.sendHeaders();
    const further = (fourCc: string, trackId: number) =>
      connection.sendMessage({
        typeId: messageType.video,
        payload: enhancedPacket({
          media: 'video',
          packetType: videoPacket.sequenceStart,
          multitrack: 'one-track',
          tracks: [{ fourCc, trackId, body: sampleVideos.avc.record }],
        }),
      });
    for (let trackId = 1; trackId <= 17; trackId++) further('avc1', trackId);
    for (let i = 0; i < 3; i++) {
      further('avc1', 17);
      further('vvc1', 40);
    }
    connection.sendUnit(videoUnit(0));
    const { units, configs } = server.followed('live/too-many');
    await eventually('the first track goes on', () => units.length === 1);
    expect(configs.filter(({ kind }) => kind === 'video')).toHaveLength(16);
    const sentences = warningsOf('too-many').map(({ message }) => message);
    expect(sentences).toHaveLength(3);
    expect(sentences.join('\n')).toMatch(/too many video tracks: track 16[^]*track 17[^]*video track 40 in a codec/);
  });
});

describe('data messages', () => {
  it('arrive among the media, with their times; metadata is kept for whoever comes later', async () => {
    const connection = await publishing('data');
    connection.sendHeaders();
    const metadata = new Amf0EcmaArray(new Map([['encoder', 'obs-output module']]));
    const text = amf0Object({ type: 'Text', text: 'Grüße' });
    const messages = [
      [{ name: '@setDataFrame', args: ['onMetaData', metadata] }, 0],
      [{ name: 'onTextData', args: [text] }, 1_000],
      [{ name: 'onCuePoint', args: [1, 'two', null] }, 2_000],
      [{ name: '|RtmpSampleAccess', args: [true, true] }, 0],
      [{ name: '@clearDataFrame', args: ['onMetaData'] }, 0],
    ] as const;
    for (const [data, timestampMs] of messages) connection.sendMessage(encodeDataMessage(data, 1, timestampMs), 4);
    connection.sendUnit(videoUnit(0));
    const { data, units } = server.followed('live/data');
    await eventually('the frame behind them', () => units.length === 1);
    expect(data).toEqual([
      { name: 'onMetaData', values: [metadata], timestampMs: 0 },
      { name: 'onTextData', values: [text], timestampMs: 1_000 },
      { name: 'onCuePoint', values: [1, 'two', null], timestampMs: 2_000 },
    ]);
    expect(server.directory.get('live/data')?.metadata).toEqual(data[0]);
    expect(server.directory.get('live/data')?.publication?.encoder).toBe('obs-output module');
  });
});

describe('connect', () => {
  it('is answered with what this server carries', async () => {
    const connection = await RawConnection.at('connected', server.port);
    opened.push(connection);
    const result = connection.commands().find(({ name }) => name === '_result');
    const properties = propertiesOf(result?.commandObject);
    const forwardsAll = new Map([['*', 4]]);
    expect(properties?.get('fourCcList')).toEqual(
      expect.arrayContaining(['hvc1', 'av01', 'vp09', 'avc1', 'Opus', 'fLaC', 'ac-3', 'ec-3', '.mp3', 'mp4a']),
    );
    expect(properties?.get('videoFourCcInfoMap')).toEqual(forwardsAll);
    expect(properties?.get('audioFourCcInfoMap')).toEqual(forwardsAll);
    // Reconnect, Multitrack and ModEx; not the nanoseconds, which are read over.
    expect(properties?.get('capsEx')).toBe(0x01 | 0x02 | 0x04);
  });

  it('may announce anything, in whatever shape', async () => {
    const connection = await RawConnection.at('handshaken', server.port);
    opened.push(connection);
    await connection.connect({
      app: 'live',
      tcUrl: 'rtmp://127.0.0.1/live',
      fourCcList: ['hvc1', 7, null, ['av01']],
      videoFourCcInfoMap: 'hvc1',
      audioFourCcInfoMap: amf0Object({ '*': 'all', Opus: -1 }),
      capsEx: Number.NaN,
      videoFunction: 1e300,
    });
  });
});
