import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaPart, planMediaPart } from '../../../src/formats/cmaf/media-part.ts';
import { isoBoxes, oneBox } from '../../support/iso-boxes.ts';

const sample = fc.record({
  durationTicks: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  compositionOffsetTicks: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  keyframe: fc.boolean(),
  data: fc.uint8Array({ maxLength: 50 }),
});
const part = fc.record({
  sequenceNumber: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  baseMediaDecodeTimeTicks: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  samples: fc.array(sample, { maxLength: 40 }),
});

describe('mediaPart', () => {
  it('writes what an independent reader reads: one traf, tfdt, durations, sizes, flags and signed offsets', () => {
    fc.assert(
      fc.property(part, (written) => {
        const boxes = isoBoxes(mediaPart(written));
        expect(oneBox(boxes, 'mfhd').sequenceNumber).toBe(written.sequenceNumber);
        expect(oneBox(boxes, 'tfhd')).toMatchObject({ trackId: 1, flags: 0x02_0000 });
        const tfdt = oneBox(boxes, 'tfdt');
        expect(tfdt.version).toBe(1);
        expect(tfdt.baseMediaDecodeTime).toBe(written.baseMediaDecodeTimeTicks);
        const trun = oneBox(boxes, 'trun');
        expect(trun.version).toBe(1);
        expect(
          trun.samples.map((read) => [
            read.sampleDuration,
            read.sampleSize,
            read.sampleFlags,
            // The reader gives version 1 as unsigned where it is not told.
            (read.sampleCompositionTimeOffset ?? 0) | 0,
          ]),
        ).toEqual(
          written.samples.map((read) => [
            read.durationTicks,
            read.data.length,
            read.keyframe ? 0x0200_0000 : 0x0101_0000,
            read.compositionOffsetTicks,
          ]),
        );
      }),
    );
  });

  it('is the same over whatever was there, and touches nothing beside it', () => {
    fc.assert(
      fc.property(part, fc.uint8Array({ minLength: 6_000, maxLength: 6_000 }), (written, there) => {
        const planned = planMediaPart(written);
        const { byteLength } = planned;
        const memory = new Uint8Array(there);
        planned.write(memory.subarray(7, 7 + byteLength));
        expect(memory.subarray(7, 7 + byteLength)).toEqual(mediaPart(written));
        expect(memory.subarray(0, 7)).toEqual(there.subarray(0, 7));
        expect(memory.subarray(7 + byteLength)).toEqual(there.subarray(7 + byteLength));
      }),
    );
  });

  it('says where the data is: the first sample follows the head of mdat, the others each other', () => {
    fc.assert(
      fc.property(part, (written) => {
        const bytes = mediaPart(written);
        const boxes = isoBoxes(bytes);
        // Offsets count from the moof, which is the first byte.
        let at = oneBox(boxes, 'trun').dataOffset ?? 0;
        for (const { data } of written.samples) {
          expect(bytes.subarray(at, at + data.length)).toEqual(data);
          at += data.length;
        }
        expect(at).toBe(bytes.length);
      }),
    );
  });

  it('is moof and mdat and nothing else', () => {
    const bytes = mediaPart({ sequenceNumber: 1, baseMediaDecodeTimeTicks: 0, samples: [] });
    expect(isoBoxes(bytes).map(({ type }) => type)).toEqual(['moof', 'mfhd', 'traf', 'tfhd', 'tfdt', 'trun', 'mdat']);
  });
});
