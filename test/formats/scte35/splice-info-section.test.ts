import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { amf0Object } from '../../../src/formats/amf0/value.ts';
import { carriedSection } from '../../../src/formats/scte35/carried-section.ts';
import { readSpliceInfoSection } from '../../../src/formats/scte35/splice-info-section.ts';
import {
  breakDuration,
  segmentation,
  spliceInfoSection,
  spliceInsert,
  timeSignal,
} from '../../support/splice-sections.ts';

const fromBase64 = (text: string) => Uint8Array.fromBase64(text);

/** From ANSI/SCTE 35 §14. */
const published = {
  timeSignal: '/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==',
  spliceInsert: '/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=',
  placementEnd: '/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=',
};

describe('readSpliceInfoSection', () => {
  it('reads the sections that the standard publishes', () => {
    expect(readSpliceInfoSection(fromBase64(published.spliceInsert))).toEqual({
      command: {
        kind: 'splice-insert',
        eventId: 0x4800008f,
        cancelled: false,
        outOfNetwork: true,
        autoReturn: true,
        durationSeconds: 5_426_421 / 90_000,
      },
      segmentation: [],
    });
    expect(readSpliceInfoSection(fromBase64(published.timeSignal))).toEqual({
      command: { kind: 'time-signal' },
      segmentation: [{ eventId: 0x4800008e, cancelled: false, typeId: 0x34, durationSeconds: 27_630_000 / 90_000 }],
    });
    expect(readSpliceInfoSection(fromBase64(published.placementEnd)).segmentation).toEqual([
      { eventId: 0x4800008e, cancelled: false, typeId: 0x35, durationSeconds: undefined },
    ]);
  });

  it('reads a length of the command that is not filled in, and a break that is cancelled', () => {
    const insert = spliceInsert({ eventId: 7, out: true, duration: breakDuration(30, false) });
    expect(readSpliceInfoSection(spliceInfoSection(insert, [], { lengthIsKnown: false })).command).toMatchObject({
      eventId: 7,
      outOfNetwork: true,
      autoReturn: false,
      durationSeconds: 30,
    });
    const cancelled = readSpliceInfoSection(spliceInfoSection(spliceInsert({ eventId: 7, cancelled: true })));
    expect(cancelled.command).toEqual({ kind: 'splice-insert', eventId: 7, cancelled: true });
  });

  it('reads what it can, and says ProtocolError to the rest, whatever is changed', () => {
    const whole = spliceInfoSection(timeSignal(), [segmentation({ eventId: 1, typeId: 0x30, seconds: 15 })]);
    expect(() => readSpliceInfoSection(whole)).not.toThrow();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = whole.map((byte, index) => (index === at ? byte ^ change : byte));
        expect(() => readSpliceInfoSection(damaged)).toThrow(ProtocolError);
      }),
    );
  });

  it('ends with a section or a ProtocolError for anything that has a checksum', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0x05, 0x06, 0xff),
        fc.uint8Array({ maxLength: 60 }),
        fc.boolean(),
        (type, body, known) => {
          const section = spliceInfoSection({ type, body }, [body], { lengthIsKnown: known });
          try {
            expect(readSpliceInfoSection(section).segmentation.length).toBeLessThan(20);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
    );
  });
});

describe('carriedSection', () => {
  const bytes = fromBase64(published.spliceInsert);
  it.each([
    [
      'Adobe Primetime',
      amf0Object({ cue: published.spliceInsert, type: 'scte35', id: '7', duration: 60, time: 12.5 }),
      12.5,
    ],
    ['hexadecimal digits', amf0Object({ message: `0x${bytes.toHex().toUpperCase()}` }), undefined],
    ['a parameter', amf0Object({ name: 'scte35', parameters: amf0Object({ x: published.spliceInsert }) }), undefined],
    ['a text alone', published.spliceInsert, undefined],
  ])('finds it in the form of %s', (_, value, timeSeconds) => {
    expect(carriedSection([value])).toMatchObject({ bytes, timeSeconds });
  });

  it.each([
    ['nothing', undefined],
    ['other texts', amf0Object({ name: '/DAv', type: 'fc30', id: 'FC' })],
    ['a damaged one', published.spliceInsert.replace('A', 'B')],
    ['one too deep', [[[[[[published.spliceInsert]]]]]]],
  ])('finds none in %s', (_, value) => {
    expect(carriedSection([value])).toBeUndefined();
  });
});
