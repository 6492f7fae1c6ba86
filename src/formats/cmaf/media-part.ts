import { type ProtectedSample, sampleEncryptionBoxes } from './sample-encryption.ts';
import { trackId } from './init-segment.ts';

/** One access unit as a sample of a track. Times are in ticks of the track's timescale. */
export interface Sample {
  readonly durationTicks: number;
  /** Presentation time − decode time; signed. */
  readonly compositionOffsetTicks: number;
  /** A decoder can start here. */
  readonly keyframe: boolean;
  readonly data: Uint8Array;
}

/** What a partial segment is made of. */
export interface MediaPart {
  /** Counts the fragments of the track, from 1. */
  readonly sequenceNumber: number;
  /** Decode time of the first sample, in ticks of the track's timescale. */
  readonly baseMediaDecodeTimeTicks: number;
  readonly samples: readonly Sample[];
  /** As they are sent, where they are encrypted: one for each sample. */
  readonly protectedSamples?: readonly ProtectedSample[];
}

/** Depends on no other sample. */
const syncSampleFlags = 0x0200_0000;
/** Depends on others, is no sync sample. */
const dependentSampleFlags = 0x0101_0000;

const mfhdBytes = 16;
const tfhdBytes = 16;
const tfdtBytes = 20;
const trunHeadBytes = 20;
const sampleBytes = 16;

/** A part that is to be written where there are `byteLength` bytes, over whatever is there. */
export interface PlannedPart {
  readonly byteLength: number;
  write(to: Uint8Array<ArrayBuffer>): void;
}

/**
 * A CMAF chunk: `moof` with one `traf`, and `mdat` (ISO/IEC 23000-19 §7.3.2.3). All in one buffer: the sample data
 * is copied once, into it.
 */
export function mediaPart(part: MediaPart): Uint8Array<ArrayBuffer> {
  const planned = planMediaPart(part);
  const bytes = new Uint8Array(planned.byteLength);
  planned.write(bytes);
  return bytes;
}

/** As `mediaPart`, into memory of whoever calls. */
export function planMediaPart(part: MediaPart): PlannedPart {
  const { samples, protectedSamples } = part;
  const trunBytes = trunHeadBytes + samples.length * sampleBytes;
  const plainTrafBytes = 8 + tfhdBytes + tfdtBytes + trunBytes;
  const encryption = sampleEncryptionBoxes(protectedSamples ?? [], 8 + mfhdBytes + plainTrafBytes);
  const trafBytes = plainTrafBytes + encryption.length;
  const moofBytes = 8 + mfhdBytes + trafBytes;
  let mdatBytes = 8;
  for (const sample of samples) mdatBytes += sample.data.length;

  return {
    byteLength: moofBytes + mdatBytes,
    write: (to) => writeMediaPart(part, { trunBytes, trafBytes, moofBytes, mdatBytes, encryption }, to),
  };
}

interface PartLayout {
  readonly trunBytes: number;
  readonly trafBytes: number;
  readonly moofBytes: number;
  readonly mdatBytes: number;
  /** Boxes behind `trun`. */
  readonly encryption: Uint8Array;
}

function writeMediaPart(
  part: MediaPart,
  { trunBytes, trafBytes, moofBytes, mdatBytes, encryption }: PartLayout,
  bytes: Uint8Array<ArrayBuffer>,
): void {
  const { samples, protectedSamples } = part;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const uint32 = (value: number) => {
    view.setUint32(at, value);
    at += 4;
  };
  const boxHead = (size: number, fourcc: number) => {
    uint32(size);
    uint32(fourcc);
  };

  boxHead(moofBytes, 0x6d6f_6f66); // moof
  boxHead(mfhdBytes, 0x6d66_6864); // mfhd
  uint32(0);
  uint32(part.sequenceNumber);
  boxHead(trafBytes, 0x7472_6166); // traf
  boxHead(tfhdBytes, 0x7466_6864); // tfhd
  uint32(0x0002_0000); // default-base-is-moof
  uint32(trackId);
  boxHead(tfdtBytes, 0x7466_6474); // tfdt
  uint32(0x0100_0000); // version 1: 64 bits
  uint32(Math.floor(part.baseMediaDecodeTimeTicks / 2 ** 32));
  uint32(part.baseMediaDecodeTimeTicks % 2 ** 32);
  boxHead(trunBytes, 0x7472_756e); // trun
  uint32(0x0100_0f01); // version 1: signed offsets; data offset, and for each sample duration, size, flags, offset
  uint32(samples.length);
  uint32(moofBytes + 8);
  for (const sample of samples) {
    uint32(sample.durationTicks);
    uint32(sample.data.length);
    uint32(sample.keyframe ? syncSampleFlags : dependentSampleFlags);
    view.setInt32(at, sample.compositionOffsetTicks);
    at += 4;
  }
  bytes.set(encryption, at);
  at += encryption.length;
  boxHead(mdatBytes, 0x6d64_6174); // mdat
  for (const sample of protectedSamples ?? samples) {
    bytes.set(sample.data, at);
    at += sample.data.length;
  }
}
