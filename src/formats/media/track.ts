/** What a decoder must know before the first access unit of a track. */
export type TrackConfig = VideoTrackConfig | AudioTrackConfig;

export interface VideoTrackConfig {
  readonly kind: 'video';
  readonly codec: 'avc';
  /** RFC 6381, such as `avc1.64001f`. */
  readonly codecString: string;
  /** The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1), the body of an `avcC` box. */
  readonly description: Uint8Array;
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
  /** Width : height of one sample; `{ horizontal: 1, vertical: 1 }` where the stream does not say. */
  readonly pixelAspect: { readonly horizontal: number; readonly vertical: number };
  /** From the VUI timing, if it is there and the rate is fixed. */
  readonly framesPerSecond: number | undefined;
}

export interface AudioTrackConfig {
  readonly kind: 'audio';
  readonly codec: 'aac';
  /** RFC 6381, such as `mp4a.40.2`. */
  readonly codecString: string;
  /** The AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
  readonly description: Uint8Array;
  /** Of the decoder's output, in Hz: the SBR rate where SBR is signalled explicitly. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Output samples in one access unit: 1,024, or 960, or twice that with SBR. */
  readonly samplesPerFrame: number;
}

/** Whether a decoder that was set up with `a` can go on with access units of `b`. */
export function sameTrackConfig(a: TrackConfig, b: TrackConfig): boolean {
  return (
    a.codec === b.codec &&
    a.description.length === b.description.length &&
    a.description.every((byte, index) => byte === b.description[index])
  );
}
