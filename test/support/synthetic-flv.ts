import { sampleVideos } from './sample-tracks.ts';

/** Writes FLV by the specification, or against it, with none of the program's own code. */
export interface SyntheticTag {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly body: Uint8Array;
  /** Other than the truth. */
  readonly saysBodyBytes?: number;
  readonly saysPreviousTagSize?: number;
  readonly streamId?: number;
}

export const flvHeader = Uint8Array.of(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0);

export function joinedBytes(...pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export function flvTag({ typeId, timestampMs, body, saysBodyBytes, saysPreviousTagSize, streamId }: SyntheticTag) {
  const bytes = new Uint8Array(15 + body.length);
  const view = new DataView(bytes.buffer);
  const time = timestampMs >>> 0;
  view.setUint32(0, ((typeId << 24) | (saysBodyBytes ?? body.length)) >>> 0);
  view.setUint32(4, (((time & 0xff_ff_ff) << 8) | (time >>> 24)) >>> 0);
  view.setUint32(8, ((streamId ?? 0) << 8) >>> 0);
  bytes.set(body, 11);
  view.setUint32(11 + body.length, saysPreviousTagSize ?? 11 + body.length);
  return bytes;
}

const { record, keyframe, interFrame } = sampleVideos.avc;

export const avcHeaderTag: SyntheticTag = {
  typeId: 9,
  timestampMs: 0,
  body: joinedBytes([0x17, 0, 0, 0, 0], record),
};

/** 48 kHz, stereo. */
export const aacHeaderTag: SyntheticTag = { typeId: 8, timestampMs: 0, body: Uint8Array.of(0xaf, 0, 0x11, 0x90) };

/** `padding`: zeros behind the frame, so that it is as long as real ones. */
export function videoFrameTag(timestampMs: number, isKeyframe: boolean, padding = 0): SyntheticTag {
  const frame = isKeyframe ? keyframe : interFrame;
  const body = joinedBytes([isKeyframe ? 0x17 : 0x27, 1, 0, 0, 0], frame, new Uint8Array(padding));
  return { typeId: 9, timestampMs, body };
}

export function audioFrameTag(timestampMs: number, bytes = 40): SyntheticTag {
  return { typeId: 8, timestampMs, body: joinedBytes([0xaf, 1], new Uint8Array(bytes).fill(0x21)) };
}

export function flvFile(tags: readonly SyntheticTag[]): Uint8Array {
  return joinedBytes(flvHeader, ...tags.map((tag) => flvTag(tag)));
}

/** Pictures at 25 a second with sound, a keyframe each `gopFrames`. */
export function syntheticFlv({
  frames,
  gopFrames,
  padding = 0,
  startMs = 0,
}: {
  readonly frames: number;
  readonly gopFrames: number;
  readonly padding?: number;
  readonly startMs?: number;
}): Uint8Array {
  const tags: SyntheticTag[] = [
    { ...avcHeaderTag, timestampMs: startMs },
    { ...aacHeaderTag, timestampMs: startMs },
  ];
  for (let frame = 0; frame < frames; frame++) {
    tags.push(
      videoFrameTag(startMs + frame * 40, frame % gopFrames === 0, padding),
      audioFrameTag(startMs + frame * 40 + 10),
    );
  }
  return flvFile(tags);
}
