import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Amf0EcmaArray, amf0Object, type Amf0Value } from '../../../src/formats/amf0/value.ts';
import { legacyFlvClient } from '../../../src/formats/flv/client-capabilities.ts';
import { parseConnectCapabilities } from '../../../src/formats/rtmp/connect-capabilities.ts';

const parse = (properties: Record<string, Amf0Value>) => parseConnectCapabilities(amf0Object(properties));
const sorted = (codecs: ReadonlySet<string>) => [...codecs].sort();
const everyCodec = ['aac', 'ac3', 'av1', 'avc', 'eac3', 'flac', 'hevc', 'mp3', 'opus', 'vp8', 'vp9'];

describe('parseConnectCapabilities', () => {
  it('takes who says nothing, and ffmpeg 5.1 and rtmpdump, for clients of old', () => {
    expect(parse({ app: 'live' })).toEqual(legacyFlvClient);
    expect(parse({ app: 'live', audioCodecs: 4071, videoCodecs: 252, videoFunction: 1 })).toEqual(legacyFlvClient);
    expect(parse({ app: 'live', audioCodecs: 3191, videoCodecs: 252, videoFunction: 1 })).toEqual(legacyFlvClient);
    expect(parse({ app: 'live', audioCodecs: 0, videoCodecs: 0 })).toEqual(legacyFlvClient);
  });

  it('believes the bits of the old codecs where there are some', () => {
    expect(sorted(parse({ audioCodecs: 0x0400, videoCodecs: 0x0004 }).legacyCodecs)).toEqual(['aac']);
    expect(sorted(parse({ audioCodecs: 0x0004 }).legacyCodecs)).toEqual(['avc', 'mp3']);
  });

  it('reads fourCcList, as ffmpeg writes it and in the spelling of the examples', () => {
    const { enhancedCodecs, multitrack } = parse({ fourCcList: ['hvc1', 'av01', 'vp09', 'zzzz', 5, null] });
    expect(sorted(enhancedCodecs)).toEqual(['av1', 'hevc', 'vp9']);
    expect(multitrack).toBe(false);
    expect(sorted(parse({ fourCcList: ['Hvc1', 'Avc1', 'OPUS', 'flac'] }).enhancedCodecs)).toEqual([
      'avc',
      'flac',
      'hevc',
      'opus',
    ]);
    expect(sorted(parse({ fourCcList: ['*'] }).enhancedCodecs)).toEqual(everyCodec);
  });

  it('reads the info maps: what a client decodes or passes on, and not what it can only encode', () => {
    const video = amf0Object({ hvc1: 1, av01: 2, vp09: 7, avc1: 4, vp08: 'yes' });
    const audio = new Amf0EcmaArray(new Map([['*', 4]]));
    const client = parse({ videoFourCcInfoMap: video, audioFourCcInfoMap: audio, capsEx: 0x0f });
    expect(sorted(client.enhancedCodecs)).toEqual(['aac', 'ac3', 'avc', 'eac3', 'flac', 'hevc', 'mp3', 'opus', 'vp9']);
    expect(client).toMatchObject({ multitrack: true, reconnect: true, colorInfo: false, dialect: 'standard' });
  });

  it('lets an info map count for more than the list, each for its kind', () => {
    const client = parse({ fourCcList: ['*'], videoFourCcInfoMap: amf0Object({ av01: 1 }) });
    expect(sorted(client.enhancedCodecs)).toEqual(['aac', 'ac3', 'av1', 'eac3', 'flac', 'mp3', 'opus']);
  });

  it('knows who takes colours', () => {
    expect(parse({ videoFunction: 0x0002 }).colorInfo).toBe(true);
    expect(parse({ videoFunction: 0x0005 }).colorInfo).toBe(true);
    expect(parse({ videoFunction: 0x0009 }).colorInfo).toBe(false);
  });

  it('throws nothing, whatever the properties hold', () => {
    const value: fc.Arbitrary<Amf0Value> = fc.oneof(
      fc.double(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.oneof(fc.string(), fc.double()), { maxLength: 4 }),
      fc.dictionary(fc.string(), fc.double(), { maxKeys: 4 }).map((entries) => amf0Object(entries)),
    );
    const names = ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx', 'audioCodecs', 'videoFunction'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (properties) => {
        expect(parse(properties).dialect).toBe('standard');
      }),
      { numRuns: 500 },
    );
  });
});
