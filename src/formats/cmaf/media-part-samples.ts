import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import { boxesIn } from './box-reader.ts';
import type { MediaPart, Sample } from './media-part.ts';

const sampleIsDependent = 0x0001_0000;
/** data-offset-present, and for each sample duration, size, flags and composition offset. */
const runFlags = 0x0f01;

/**
 * Reads what `mediaPart` has written, behind other boxes or not: one `moof` with one `traf`, whose `trun` says all of each
 * sample, and `mdat`. Sample data are views. Throws `ProtocolError` for other files.
 */
export function mediaPartSamples(bytes: Uint8Array): Omit<MediaPart, 'sequenceNumber'> {
  const moof = boxBody(bytes, 'moof');
  const fragment = boxBody(moof, 'traf');
  const time = new ByteReader(boxBody(fragment, 'tfdt'), 'tfdt');
  if (time.uint32() !== 0x0100_0000) throw partError('a tfdt of 32 bits');
  const run = new ByteReader(boxBody(fragment, 'trun'), 'trun');
  if ((run.uint32() & 0xff_ffff) !== runFlags) throw partError('a trun that does not say all of its samples');
  const count = run.uint32();
  // Counted from the `moof` (default-base-is-moof), before which there may be messages.
  const moofStart = moof.byteOffset - 8 - bytes.byteOffset;
  const data = new ByteReader(bytes, 'media of a part', moofStart + run.uint32());
  const samples: Sample[] = [];
  for (let left = count; left > 0; left--) {
    const durationTicks = run.uint32();
    const size = run.uint32();
    const keyframe = (run.uint32() & sampleIsDependent) === 0;
    samples.push({ durationTicks, keyframe, compositionOffsetTicks: run.uint32() | 0, data: data.bytes(size) });
  }
  return { baseMediaDecodeTimeTicks: time.uint64(), samples };
}

/** Of the first box of this type. */
function boxBody(boxes: Uint8Array, type: string): Uint8Array {
  for (const { fourcc, body } of boxesIn(boxes, `boxes before ${type}`)) {
    if (fourcc === type) return body;
  }
  throw partError(`a part without ${type}`);
}

function partError(sentence: string): ProtocolError {
  return new ProtocolError('CMAF_PART', sentence, { section: 'ISO/IEC 14496-12 §8.8' });
}
