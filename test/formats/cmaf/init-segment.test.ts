import { describe, expect, it } from 'vitest';
import { box, fullBox, text, uint16, uint32 } from '../../../src/formats/cmaf/box.ts';
import { type CmafTrackConfig, isCmafTrack } from '../../../src/formats/cmaf/cmaf-track.ts';
import { colorBoxes } from '../../../src/formats/cmaf/color-boxes.ts';
import { initSegment } from '../../../src/formats/cmaf/init-segment.ts';
import { esds } from '../../../src/formats/cmaf/audio-sample-entry.ts';
import { sampleEntry } from '../../../src/formats/cmaf/sample-entry.ts';
import { unknownColor } from '../../../src/formats/media/video-color.ts';
import { opusTrackConfig } from '../../../src/formats/opus/identification-header.ts';
import { hdr10Display } from '../../support/hdr10-display.ts';
import { isoBoxes, oneBox } from '../../support/iso-boxes.ts';
import { audioTrackConfig, videoTrackConfig } from '../../support/sample-tracks.ts';
import { audioConfig, videoConfig } from '../../support/synthetic-units.ts';

const read = (...written: Parameters<typeof initSegment>) => isoBoxes(initSegment(...written));

describe('box', () => {
  it('has its length, its fourcc and its fields', () => {
    expect(box('free', uint16(1, 2), uint32(3))).toEqual(
      Uint8Array.of(0, 0, 0, 16, 0x66, 0x72, 0x65, 0x65, 0, 1, 0, 2, 0, 0, 0, 3),
    );
  });

  it('has a version and flags where it is full', () => {
    expect(fullBox('trun', 1, 0xf01).subarray(8)).toEqual(Uint8Array.of(1, 0, 0x0f, 1));
    expect(fullBox('test', 0xff, 0).subarray(8)).toEqual(Uint8Array.of(0xff, 0, 0, 0));
  });
});

describe('initSegment', () => {
  it('has the boxes of a CMAF header, no edit list and no sample', () => {
    const types = read(videoConfig, 90_000).map(({ type }) => type);
    for (const type of ['ftyp', 'moov', 'mvhd', 'trak', 'tkhd', 'mdia', 'mdhd', 'hdlr', 'minf', 'vmhd', 'dinf']) {
      expect(types).toContain(type);
    }
    for (const type of ['dref', 'url ', 'stbl', 'stsd', 'avc1', 'stts', 'stsc', 'stsz', 'stco', 'mvex', 'trex']) {
      expect(types).toContain(type);
    }
    expect(types).not.toContain('edts');
    expect(types).not.toContain('moof');
  });

  it('claims the brands that it keeps', () => {
    expect(oneBox(read(videoConfig, 90_000), 'ftyp')).toMatchObject({
      majorBrand: 'iso6',
      compatibleBrands: ['iso6', 'cmfc', 'mp41'],
    });
    const av1 = videoTrackConfig('av1');
    if (!isCmafTrack(av1)) throw new Error('not packaged');
    expect(oneBox(read(av1, 90_000), 'ftyp').compatibleBrands).toContain('av01');
  });

  it('describes video: size, timescale, handler and the decoder configuration as it came', () => {
    const boxes = read(videoConfig, 90_000);
    expect(oneBox(boxes, 'mdhd').timescale).toBe(90_000);
    expect(oneBox(boxes, 'hdlr').handlerType).toBe('vide');
    expect(oneBox(boxes, 'tkhd')).toMatchObject({ trackId: 1, flags: 3, width: 1280, height: 720 });
    expect(oneBox(boxes, 'avc1')).toMatchObject({ width: 1280, height: 720, dataReferenceIndex: 1, depth: 24 });
    const bytes = initSegment(videoConfig, 90_000);
    expect(Buffer.from(bytes).includes(Buffer.from(box('avcC', videoConfig.description)))).toBe(true);
    expect(Buffer.from(bytes).includes('pasp')).toBe(false);
  });

  it('says how wide a sample is where it is not square', () => {
    const config = { ...videoConfig, width: 720, height: 576, pixelAspect: { horizontal: 64, vertical: 45 } };
    expect(oneBox(read(config, 90_000), 'tkhd')).toMatchObject({ width: 1024, height: 576 });
    const pasp = Buffer.from(box('pasp', uint32(64, 45)));
    expect(Buffer.from(initSegment(config, 90_000)).includes(pasp)).toBe(true);
  });

  it('describes audio: channels, rate and the AudioSpecificConfig as it came', () => {
    const boxes = read(audioConfig, 48_000);
    expect(oneBox(boxes, 'mdhd').timescale).toBe(48_000);
    expect(oneBox(boxes, 'hdlr').handlerType).toBe('soun');
    expect(oneBox(boxes, 'mp4a')).toMatchObject({ channelcount: 2, samplesize: 16 });
    expect(
      Buffer.from(initSegment(audioConfig, 48_000)).includes(Buffer.from(esds(0x40, audioConfig.description))),
    ).toBe(true);
  });
});

describe('esds', () => {
  it('nests the descriptors that ISO/IEC 14496-14 asks for', () => {
    const descriptors = [
      [0, 0, 0, 51, 0x65, 0x73, 0x64, 0x73, 0, 0, 0, 0], // esds, version and flags
      [0x03, 0x80, 0x80, 0x80, 34, 0, 0, 0], // ES_Descriptor
      [0x04, 0x80, 0x80, 0x80, 20, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], // DecoderConfigDescriptor
      [0x05, 0x80, 0x80, 0x80, 2, 0x11, 0x90], // DecoderSpecificInfo
      [0x06, 0x80, 0x80, 0x80, 1, 0x02], // SLConfigDescriptor
    ];
    expect([...esds(0x40, Uint8Array.of(0x11, 0x90))]).toEqual(descriptors.flat());
  });
});

describe('sampleEntry', () => {
  const entryOf = (config: CmafTrackConfig) => Buffer.from(sampleEntry(config));

  it.each([
    [videoTrackConfig('hevc'), 'hvc1', 'hvcC'],
    [videoTrackConfig('av1'), 'av01', 'av1C'],
    [audioTrackConfig('opus'), 'Opus', 'dOps'],
    [audioTrackConfig('flac'), 'fLaC', 'dfLa'],
    [audioTrackConfig('ac3'), 'ac-3', 'dac3'],
    [audioTrackConfig('eac3'), 'ec-3', 'dec3'],
    [audioTrackConfig('mp3'), 'mp4a', 'esds'],
  ])('of %s is %s with %s', (config, fourcc, configuration) => {
    if (!isCmafTrack(config)) throw new Error('not packaged');
    const entry = entryOf(config);
    expect(entry.toString('latin1', 4, 8)).toBe(fourcc);
    expect(entry.includes(configuration)).toBe(true);
  });

  it('of VP9 has a version before the record', () => {
    const config = videoTrackConfig('vp9');
    if (!isCmafTrack(config) || config.kind !== 'video') throw new Error('not packaged');
    expect(entryOf(config).includes(Buffer.from(fullBox('vpcC', 1, 0, config.description)))).toBe(true);
  });

  it('of Opus turns the numbers of the identification header round', () => {
    const header = Uint8Array.of(...Buffer.from('OpusHead'), 1, 2, 0x38, 0x01, 0x44, 0xac, 0, 0, 0x00, 0xff, 0);
    const entry = entryOf(opusTrackConfig(header));
    expect(entry.subarray(-19)).toEqual(
      Buffer.from([0, 0, 0, 19, ...Buffer.from('dOps'), 0, 2, 0x01, 0x38, 0, 0, 0xac, 0x44, 0xff, 0x00, 0]),
    );
  });

  it('of Opus keeps the table of channels', () => {
    const table = [1, 4, 2, 0, 4, 1, 2, 3, 5];
    const header = Uint8Array.of(...Buffer.from('OpusHead'), 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, ...table);
    expect([...entryOf(opusTrackConfig(header)).subarray(-table.length)]).toEqual(table);
  });

  it.each([
    [48_000, 0x6b],
    [22_050, 0x69],
  ])('of MP3 of %i Hz has the object type %i and no further description', (sampleRate, objectType) => {
    const config = audioTrackConfig('mp3');
    if (config.codec !== 'mp3') throw new Error('no MP3');
    expect(entryOf({ ...config, sampleRate }).includes(Buffer.from(esds(objectType, undefined)))).toBe(true);
  });
});

describe('colorBoxes', () => {
  it('are none where nothing is known', () => {
    expect(colorBoxes(unknownColor)).toEqual([]);
  });

  it('say what is known: colours, mastering display, light levels', () => {
    const color = {
      primaries: 9,
      transfer: 16,
      matrix: 9,
      fullRange: true,
      contentLight: { maxCll: 1_000, maxFall: 400.4 },
      masteringDisplay: hdr10Display,
    };
    expect(colorBoxes(color)).toEqual([
      box('colr', text('nclx'), uint16(9, 16, 9), Uint8Array.of(0x80)),
      box('mdcv', uint16(13_250, 34_500, 7_500, 3_000, 34_000, 16_000, 15_635, 16_450), uint32(10_000_000, 1)),
      box('clli', uint16(1_000, 400)),
    ]);
  });

  it('stay in their fields whatever a publisher says', () => {
    const contentLight = { maxCll: 1e9, maxFall: -1 };
    expect(colorBoxes({ ...unknownColor, contentLight })).toEqual([box('clli', uint16(65_535, 0))]);
  });
});
