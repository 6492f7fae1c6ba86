import { BitReader } from '../../base/bit-reader.ts';
import { ByteReader } from '../../base/byte-reader.ts';

/** What begins, ends or happens at the time of a `time_signal` (ANSI/SCTE 35 §10.3.3). */
export type SegmentationDescriptor =
  | { readonly eventId: number; readonly cancelled: true }
  | {
      readonly eventId: number;
      readonly cancelled: false;
      /** `segmentation_type_id`. */
      readonly typeId: number;
      readonly durationSeconds: number | undefined;
    };

const segmentationTag = 0x02;
/** `CUEI`. */
const identifier = 0x4355_4549;

/** Those of a descriptor loop; `bytes` begin with its length. Throws `ProtocolError` where they end early. */
export function readSegmentationDescriptors(bytes: Uint8Array): SegmentationDescriptor[] {
  const reader = new ByteReader(bytes, 'the splice descriptors');
  const loop = new ByteReader(reader.bytes(reader.uint16()), 'the splice descriptors');
  const found: SegmentationDescriptor[] = [];
  while (loop.remaining > 0) {
    const tag = loop.uint8();
    const body = new BitReader(loop.bytes(loop.uint8()), 'a splice descriptor');
    if (tag === segmentationTag && body.bits(32) === identifier) found.push(readSegmentation(body));
  }
  return found;
}

function readSegmentation(reader: BitReader): SegmentationDescriptor {
  const eventId = reader.bits(32);
  const cancelled = reader.flag();
  reader.skip(7);
  if (cancelled) return { eventId, cancelled };
  const isProgram = reader.flag();
  const hasDuration = reader.flag();
  reader.skip(6);
  if (!isProgram) reader.skip(reader.bits(8) * 48);
  const durationSeconds = hasDuration ? (reader.bits(8) * 2 ** 32 + reader.bits(32)) / 90_000 : undefined;
  reader.skip(8);
  reader.skip(reader.bits(8) * 8);
  return { eventId, cancelled, typeId: reader.bits(8), durationSeconds };
}
