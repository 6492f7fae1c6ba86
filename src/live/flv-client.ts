import { type FlvClientCapabilities, legacyFlvClient, mpegtsJsClient } from '../formats/flv/client-capabilities.ts';
import type { AudioCodec, VideoCodec } from '../formats/media/track.ts';

/** ffmpeg 6.1 reads Enhanced FLV: pictures by FourCC. */
const libavformat60: FlvClientCapabilities = {
  ...legacyFlvClient,
  enhancedCodecs: new Set<VideoCodec | AudioCodec>(['hevc', 'av1', 'vp9']),
};

/** ffmpeg 8 reads sound by FourCC as well, and several tracks. */
const libavformat62: FlvClientCapabilities = {
  ...libavformat60,
  enhancedCodecs: new Set<VideoCodec | AudioCodec>([...libavformat60.enhancedCodecs, 'opus', 'flac', 'ac3', 'eac3']),
  multitrack: true,
};

/**
 * What a player that fetches FLV can make of it. HTTP has no way to say it, so this goes by its name: browsers play
 * with mpegts.js; what is not known gets what every player has always understood.
 */
export function flvClientOf(userAgent: string | undefined): FlvClientCapabilities {
  if (userAgent === undefined) return legacyFlvClient;
  if (userAgent.startsWith('Mozilla/')) return mpegtsJsClient;
  const libavformat = /^Lavf\/(\d+)\.(\d+)/.exec(userAgent);
  if (libavformat === null) return legacyFlvClient;
  const [major, minor] = [Number(libavformat[1]), Number(libavformat[2])];
  if (major >= 62) return libavformat62;
  return major > 60 || (major === 60 && minor >= 16) ? libavformat60 : legacyFlvClient;
}
