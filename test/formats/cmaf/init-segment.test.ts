import { describe, expect, it } from 'vitest';
import { box, fullBox, uint16, uint32 } from '../../../src/formats/cmaf/box.ts';
import { initSegment } from '../../../src/formats/cmaf/init-segment.ts';
import { esds } from '../../../src/formats/cmaf/sample-entry.ts';
import { isoBoxes, oneBox } from '../../support/iso-boxes.ts';
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
    expect(Buffer.from(initSegment(audioConfig, 48_000)).includes(Buffer.from(esds(audioConfig.description)))).toBe(
      true,
    );
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
    expect([...esds(Uint8Array.of(0x11, 0x90))]).toEqual(descriptors.flat());
  });
});
