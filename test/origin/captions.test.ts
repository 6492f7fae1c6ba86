import { expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { lengthPrefixedNalUnits } from '../../src/formats/avc/nal-unit.ts';
import { mediaPartSamples } from '../../src/formats/cmaf/media-part-samples.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { videoConfig, videoUnits } from '../support/synthetic-units.ts';

/** SEI with `cc_data` of CEA-708, in which CEA-608 is (ANSI/SCTE 128, ITU-T T.35): two bytes of CC1. */
function captions(first: number, second: number): Uint8Array {
  const data = [0xb5, 0x00, 0x31, ...Buffer.from('GA94'), 0x03, 0x41, 0xff, 0xfc, first, second, 0xff];
  return Uint8Array.of(0x06, 0x04, data.length, ...data, 0x80);
}

function prefixed(nalUnit: Uint8Array): number[] {
  return [0, 0, nalUnit.length >> 8, nalUnit.length & 0xff, ...nalUnit];
}

/** Every picture with captions of its own before its slice. */
function captionedUnits(): AccessUnit[] {
  return videoUnits({ seconds: 5 }).map((unit, index) => {
    const slice = new Uint8Array(400).fill(index).with(0, unit.kind === 'video' && unit.keyframe ? 0x65 : 0x41);
    return { ...unit, data: Uint8Array.of(...prefixed(captions(0x80 | (index & 0x7f), 0x20)), ...prefixed(slice)) };
  });
}

it.each([
  ['in the clear', {}],
  ['encrypted by samples', { encryption: [{ stream: '*', method: 'SAMPLE-AES' }] }],
])('captions of a picture (CEA-608 and 708) stay in it as they were sent, %s', (_, live) => {
  const units = captionedUnits();
  const published = new PublishedStream(live);
  published.start([videoConfig]);
  published.send(units);
  published.stop();
  const { segments } = published.packager.rendition('video')?.window ?? { segments: [] };
  const seiOf = (data: Uint8Array) => [...lengthPrefixedNalUnits(data, 4)][0];
  const parts = segments.flatMap(({ parts: all }) => all);
  // What is encrypted says its ranges behind the run of samples: its data follows in the same order.
  const found = parts.flatMap(({ bytes }) => mediaPartSamples(bytes).samples.map(({ data }) => seiOf(data)));
  expect(found).toHaveLength(units.length);
  expect(found).toEqual(units.map(({ data }) => seiOf(data)));
});
