import type { AudioCodec, TrackConfig, VideoCodec, VideoTrackConfig } from '../media/track.ts';

/** How a client wants what the specification leaves open, or what it reads in another way. */
export type FlvDialect = 'standard' | 'mpegts.js';

/** What a client that plays can make of FLV tags. */
export interface FlvClientCapabilities {
  /** Codecs of the default track in the form they have always had. */
  readonly legacyCodecs: ReadonlySet<'avc' | 'aac' | 'mp3'>;
  /** Codecs that it takes by their FourCC (Enhanced RTMP). */
  readonly enhancedCodecs: ReadonlySet<VideoCodec | AudioCodec>;
  /** Tracks beside the default ones. */
  readonly multitrack: boolean;
  /** Metadata packets with the colours of a video track. */
  readonly colorInfo: boolean;
  /** It follows `NetConnection.Connect.ReconnectRequest`. */
  readonly reconnect: boolean;
  readonly dialect: FlvDialect;
}

const legacyCodecs: FlvClientCapabilities['legacyCodecs'] = new Set(['avc', 'aac', 'mp3']);

/** A client that says nothing of Enhanced RTMP: ffmpeg up to 6.0, VLC, rtmpdump, every Flash player. */
export const legacyFlvClient: FlvClientCapabilities = {
  legacyCodecs,
  enhancedCodecs: new Set(),
  multitrack: false,
  colorInfo: false,
  reconnect: false,
  dialect: 'standard',
};

/**
 * mpegts.js 1.8, for FLV over HTTP and WebSocket. It stops for good at a FourCC it does not know (`avc1`, `vp09`,
 * `mp4a`, `ac-3` among them), at a multitrack packet, and at metadata of HEVC.
 */
export const mpegtsJsClient: FlvClientCapabilities = {
  ...legacyFlvClient,
  enhancedCodecs: new Set<VideoCodec | AudioCodec>(['hevc', 'av1', 'opus', 'flac']),
  dialect: 'mpegts.js',
};

/**
 * Whether the tags of a track (its configuration and all its access units) may go to a client. What may not is left out:
 * there is no other form of it that the client would take.
 */
export function wireFormOf(config: TrackConfig, client: FlvClientCapabilities): 'send' | 'drop' {
  if (config.trackId !== 0) {
    return client.multitrack && client.enhancedCodecs.has(config.codec) ? 'send' : 'drop';
  }
  const { codec } = config;
  const takes =
    codec === 'avc' || codec === 'aac' || codec === 'mp3'
      ? client.legacyCodecs.has(codec)
      : client.enhancedCodecs.has(codec);
  return takes ? 'send' : 'drop';
}

/** Whether the colours of a track may go to a client. Those of AVC have no place in the form of old. */
export function wireFormOfColorInfo(config: VideoTrackConfig, client: FlvClientCapabilities): 'send' | 'drop' {
  return client.colorInfo && client.enhancedCodecs.has(config.codec) ? wireFormOf(config, client) : 'drop';
}
