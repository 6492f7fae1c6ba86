/** How an elementary stream is announced and packed (ISO/IEC 13818-1 table 2-34). */
export interface StreamType {
  readonly streamType: number;
  /** Of its PES packets. */
  readonly streamId: number;
  /** format_identifier of a registration descriptor. */
  readonly registration?: string;
}

const streamId = { privateStream1: 0xbd, audio: 0xc0, video: 0xe0 } as const;

/** AC-3 and E-AC-3 as ATSC A/53 part 3 has them, which is what HLS knows; the others as the standard has them. */
export const streamTypes = {
  avc: { streamType: 0x1b, streamId: streamId.video },
  hevc: { streamType: 0x24, streamId: streamId.video, registration: 'HEVC' },
  aac: { streamType: 0x0f, streamId: streamId.audio },
  mp3: { streamType: 0x03, streamId: streamId.audio },
  /** Layer III of MPEG-2, with half the sample rates. */
  mp3OfMpeg2: { streamType: 0x04, streamId: streamId.audio },
  ac3: { streamType: 0x81, streamId: streamId.privateStream1, registration: 'AC-3' },
  /** Timed metadata in PES packets. */
  id3: { streamType: 0x15, streamId: streamId.privateStream1 },
  eac3: { streamType: 0x87, streamId: streamId.privateStream1, registration: 'EAC3' },
} as const satisfies Record<string, StreamType>;
