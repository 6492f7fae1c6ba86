import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { AacTrackConfig, AvcTrackConfig } from '../../src/formats/media/track.ts';
import { unknownColor } from '../../src/formats/media/video-color.ts';

/** Configurations and access units of no decodable content, for what only looks at their times. */
export const videoConfig: AvcTrackConfig = {
  kind: 'video',
  codec: 'avc',
  trackId: 0,
  codecString: 'avc1.64001f',
  description: Uint8Array.of(1, 0x64, 0, 0x1f, 0xff, 0xe0, 0),
  width: 1280,
  height: 720,
  pixelAspect: { horizontal: 1, vertical: 1 },
  framesPerSecond: undefined,
  color: unknownColor,
};

export const audioConfig: AacTrackConfig = {
  kind: 'audio',
  codec: 'aac',
  trackId: 0,
  codecString: 'mp4a.40.2',
  description: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
  samplesPerFrame: 1_024,
};

export interface VideoRun {
  readonly fromMs?: number;
  readonly seconds: number;
  readonly framesPerSecond?: number;
  /** Frames from one keyframe to the next. */
  readonly gop?: number;
  readonly compositionOffsetMs?: number;
  readonly bytes?: number;
}

/** Pictures at a constant rate, in whole milliseconds as FLV has them; the first one is a keyframe. */
export function videoUnits(run: VideoRun): AccessUnit[] {
  const { fromMs = 0, seconds, framesPerSecond = 30, gop = 60, compositionOffsetMs = 0, bytes = 10 } = run;
  return Array.from({ length: Math.round(seconds * framesPerSecond) }, (_, index) => ({
    kind: 'video' as const,
    trackId: 0,
    timestampMs: wireMs(fromMs + Math.round((index * 1_000) / framesPerSecond)),
    keyframe: index % gop === 0,
    compositionOffsetMs,
    data: new Uint8Array(bytes).fill(index),
  }));
}

/** AAC frames one after the other, in whole milliseconds. */
export function audioUnits(run: {
  readonly fromMs?: number;
  readonly seconds: number;
  readonly config?: AacTrackConfig;
}): AccessUnit[] {
  const { fromMs = 0, seconds, config = audioConfig } = run;
  const frameMs = (config.samplesPerFrame * 1_000) / config.sampleRate;
  return Array.from({ length: Math.round((seconds * 1_000) / frameMs) }, (_, index) => ({
    kind: 'audio' as const,
    trackId: 0,
    timestampMs: wireMs(fromMs + Math.round(index * frameMs)),
    data: Uint8Array.of(0xa0, index, index >> 8),
  }));
}

/** Unsigned, 32 bits. */
export function wireMs(ms: number): number {
  return ms >>> 0;
}

/** In the order of their timestamps, which must not wrap. */
export function interleaved(...tracks: readonly (readonly AccessUnit[])[]): AccessUnit[] {
  return tracks.flat().sort((a, b) => a.timestampMs - b.timestampMs);
}
