import type { AudioCodec, VideoCodec } from '../media/track.ts';

/** The FourCC of each codec (Enhanced RTMP v2, `VideoFourCc` and `AudioFourCc`). */
export const videoFourCcs: Readonly<Record<VideoCodec, string>> = {
  avc: 'avc1',
  hevc: 'hvc1',
  av1: 'av01',
  vp9: 'vp09',
  vp8: 'vp08',
};

export const audioFourCcs: Readonly<Record<AudioCodec, string>> = {
  aac: 'mp4a',
  opus: 'Opus',
  flac: 'fLaC',
  ac3: 'ac-3',
  eac3: 'ec-3',
  mp3: '.mp3',
};

/** Every codec that is carried, by the name that `connect` exchanges. */
export const carriedFourCcs: readonly string[] = [...Object.values(videoFourCcs), ...Object.values(audioFourCcs)];

export function videoCodecOf(fourCc: string): VideoCodec | undefined {
  return videoCodecs.get(fourCc);
}

export function audioCodecOf(fourCc: string): AudioCodec | undefined {
  return audioCodecs.get(fourCc);
}

const videoCodecs = reversed(videoFourCcs);
const audioCodecs = reversed(audioFourCcs);

function reversed<Codec extends string>(fourCcs: Readonly<Record<Codec, string>>): ReadonlyMap<string, Codec> {
  const entries = Object.entries(fourCcs) as [Codec, string][];
  return new Map(entries.map(([codec, fourCc]) => [fourCc, codec]));
}

/** The four bytes as they stand on the wire. */
export function fourCcBytes(fourCc: string): Uint8Array {
  return ascii.encode(fourCc);
}

const ascii = new TextEncoder();

/** As `videocodecid` and `audiocodecid` of `onMetaData` hold it: its bytes as one big-endian number. */
export function fourCcNumber(fourCc: string): number {
  return new DataView(fourCcBytes(fourCc).buffer).getUint32(0);
}
