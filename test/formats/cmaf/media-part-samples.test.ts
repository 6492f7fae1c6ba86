import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { box } from '../../../src/formats/cmaf/box.ts';
import { mediaPart } from '../../../src/formats/cmaf/media-part.ts';
import { mediaPartSamples } from '../../../src/formats/cmaf/media-part-samples.ts';

const sample = fc.record({
  durationTicks: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  compositionOffsetTicks: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  keyframe: fc.boolean(),
  data: fc.uint8Array({ maxLength: 50 }),
});
const part = fc.record({
  baseMediaDecodeTimeTicks: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  samples: fc.array(sample, { maxLength: 40 }),
});

describe('mediaPartSamples', () => {
  it('reads what mediaPart has written, whatever boxes stand before it', () => {
    const before = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 2 });
    fc.assert(
      fc.property(part, before, (written, bodies) => {
        const boxes = bodies.map((body) => box('emsg', body));
        const read = mediaPartSamples(Buffer.concat([...boxes, mediaPart({ ...written, sequenceNumber: 1 })]));
        expect({
          ...read,
          samples: read.samples.map((each) => ({ ...each, data: Uint8Array.from(each.data) })),
        }).toEqual(written);
      }),
    );
  });

  it('throws a ProtocolError for whatever is cut off or changed, and nothing else', () => {
    fc.assert(
      fc.property(part, fc.nat(), fc.nat(), (written, cut, flip) => {
        const bytes = mediaPart({ ...written, sequenceNumber: 1 });
        bytes[flip % bytes.length] = (bytes[flip % bytes.length] ?? 0) ^ 0x55;
        for (const broken of [bytes, bytes.subarray(0, cut % bytes.length)]) {
          try {
            mediaPartSamples(broken);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
    );
  });
});
