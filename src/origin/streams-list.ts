import type { AudioTrackConfig, TrackConfig, VideoTrackConfig } from '../formats/media/track.ts';
import type { PublisherState } from '../live/stream-publishers.ts';
import type { LiveChannel } from './live-channel.ts';
import { framesPerSecond } from './live-multivariant.ts';
import type { RestreamState } from './restream-push.ts';

/** `/live/streams.json`: what is live. */
export interface StreamsList {
  readonly streams: readonly StreamEntry[];
}

export interface StreamEntry {
  readonly app: string;
  readonly name: string;
  /** `live`: there is something to play, be it the slate; `waiting`: the publisher has left and may come back. */
  readonly state: 'live' | 'waiting';
  /** When the publisher of now, or the last one, began: ISO 8601. */
  readonly since: string;
  readonly encoder: string | null;
  /** The one on the air first; the other stands by. While there is none, the slate may be on the air. */
  readonly publishers: readonly {
    readonly role: 'primary' | 'backup' | 'slate';
    readonly state: 'active' | 'standby';
    /** ISO 8601. */
    readonly since: string;
    readonly encoder: string | null;
  }[];
  readonly playlist: string;
  readonly video: {
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly framesPerSecond: number | null;
  } | null;
  readonly audio: { readonly codec: string; readonly sampleRate: number; readonly channels: number } | null;
  readonly bitsPerSecond: number;
  /** Other servers that it is pushed on to; the key is never shown. */
  readonly restreams: readonly {
    /** `rtmp://live.example.org` */
    readonly to: string;
    readonly state: 'idle' | 'connecting' | 'live' | 'waiting';
    /** ISO 8601. */
    readonly since: string;
    readonly reason: string | null;
  }[];
}

/** What others know about a stream, by its path. */
export interface StreamFacts {
  restreamsOf(path: string): readonly RestreamState[];
  publishersOf(path: string): readonly PublisherState[];
}

/** Streams that have been published to and are not over. */
export function streamsList(channels: readonly LiveChannel[], facts: Partial<StreamFacts> = {}): StreamsList {
  const streams: StreamEntry[] = [];
  for (const { stream, packager, publication } of channels) {
    if (publication === undefined || packager.ended) continue;
    const [app = '', name = ''] = stream.path.split('/', 2);
    const renditions = packager.publishedRenditions;
    const configs = renditions.map(({ config }) => config);
    const known = configs.length > 0 ? configs : stream.trackConfigs;
    streams.push({
      app,
      name,
      state: packager.isPublished ? 'live' : 'waiting',
      since: new Date(publication.startedWallMs).toISOString(),
      encoder: publication.encoder ?? null,
      publishers: (facts.publishersOf?.(stream.path) ?? []).map(
        ({ role, state, publication: { startedWallMs, encoder } }) => ({
          role,
          state,
          since: new Date(startedWallMs).toISOString(),
          encoder: encoder ?? null,
        }),
      ),
      playlist: `/live/${encodeURIComponent(name)}/index.m3u8`,
      video: videoEntry(known.find(isVideo), renditions.find(({ kind }) => kind === 'video')?.unitsPerSecond()),
      audio: audioEntry(known.find(isAudio)),
      bitsPerSecond: Math.round(renditions.reduce((sum, rendition) => sum + rendition.bitrate().average, 0)),
      restreams: (facts.restreamsOf?.(stream.path) ?? []).map(({ to, state, sinceWallMs, reason }) => ({
        to,
        state,
        since: new Date(sinceWallMs).toISOString(),
        reason: reason ?? null,
      })),
    });
  }
  return { streams };
}

function isVideo(config: TrackConfig): config is VideoTrackConfig {
  return config.kind === 'video';
}

function isAudio(config: TrackConfig): config is AudioTrackConfig {
  return config.kind === 'audio';
}

function videoEntry(config: VideoTrackConfig | undefined, measuredRate: number | undefined): StreamEntry['video'] {
  if (config === undefined) return null;
  const rate = framesPerSecond(config, measuredRate);
  return {
    codec: config.codecString,
    width: config.width,
    height: config.height,
    framesPerSecond: rate === undefined ? null : Number(rate.toFixed(3)),
  };
}

function audioEntry(config: AudioTrackConfig | undefined): StreamEntry['audio'] {
  return config === undefined
    ? null
    : { codec: config.codecString, sampleRate: config.sampleRate, channels: config.channels };
}
