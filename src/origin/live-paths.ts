import type { TrackConfig } from '../formats/media/track.ts';

/**
 * The paths below `/live/NAME/`. Media carries the stream's epoch, which names one life of it, so that a path never
 * means two things; playlists refer to all of it by relative URIs. A rendition is known by its name.
 */
export type LivePath =
  | { readonly kind: 'multivariant' }
  | { readonly kind: 'media-playlist'; readonly rendition: string }
  | { readonly kind: 'i-frame-playlist'; readonly rendition: string }
  | { readonly kind: 'transport-multivariant' }
  /** Without a rendition it is that of the first that there is. */
  | { readonly kind: 'transport-playlist'; readonly rendition: string | undefined }
  | { readonly kind: 'init'; readonly epoch: string; readonly rendition: string; readonly index: number }
  | { readonly kind: 'segment'; readonly epoch: string; readonly rendition: string; readonly msn: number }
  | { readonly kind: 'transport-segment'; readonly epoch: string; readonly rendition: string; readonly msn: number }
  | { readonly kind: 'key'; readonly id: string }
  | {
      readonly kind: 'part';
      readonly epoch: string;
      readonly rendition: string;
      readonly msn: number;
      readonly part: number;
    };

const multivariantName = 'index.m3u8';
/** Of MPEG-TS. */
const transportMultivariantName = 'ts-index.m3u8';
const firstTransportName = 'ts.m3u8';

/** Never `index`, which is the multivariant playlist's. */
const renditionName = '[a-z0-9][a-z0-9-]{0,31}';

/** What the rendition of a publisher's track is called: `video`, `audio`; further tracks with their id, `video-1`. */
export function trackRenditionName({ kind, trackId }: Pick<TrackConfig, 'kind' | 'trackId'>): string {
  return trackId === 0 ? kind : `${kind}-${trackId}`;
}

export function mediaPlaylistName(rendition: string): string {
  return `${rendition}.m3u8`;
}

export function iFramePlaylistName(rendition: string): string {
  return `${rendition}-iframes.m3u8`;
}

export function transportPlaylistName(rendition: string): string {
  return `${rendition}-ts.m3u8`;
}

export function initPath(epoch: string, rendition: string, index: number): string {
  return `${epoch}/${rendition}/init-${index}.mp4`;
}

export function segmentPath(epoch: string, rendition: string, msn: number): string {
  return `${epoch}/${rendition}/${msn}.m4s`;
}

export function partPath(epoch: string, rendition: string, msn: number, part: number): string {
  return `${epoch}/${rendition}/${msn}.${part}.m4s`;
}

/** Of MPEG-TS: the rendition is the one that says where segments begin. */
export function transportSegmentPath(epoch: string, rendition: string, msn: number): string {
  return `${epoch}/${rendition}/${msn}.ts`;
}

export function keyPath(id: string): string {
  return `keys/${id}`;
}

/** Fifteen digits stay exact. A number has one spelling: a path with a leading zero is another path, and not ours. */
const number = '(0|[1-9][0-9]{0,14})';
const playlistPath = new RegExp(`^(${renditionName}?)(-iframes|-ts)?\\.m3u8$`);
const keyPathForm = /^keys\/([0-9a-f]{32})$/;
const mediaPath = new RegExp(
  `^([0-9a-z-]{1,64})/(${renditionName})/(?:init-${number}\\.mp4|${number}(?:\\.${number})?\\.m4s|${number}\\.ts)$`,
);

/** What a path below `/live/NAME/` means; `undefined` when nothing. */
export function parseLivePath(path: string): LivePath | undefined {
  if (path === multivariantName) return { kind: 'multivariant' };
  if (path === transportMultivariantName) return { kind: 'transport-multivariant' };
  if (path === firstTransportName) return { kind: 'transport-playlist', rendition: undefined };
  const [, playlist, form] = playlistPath.exec(path) ?? [];
  if (playlist !== undefined) {
    if (form === '-ts') return { kind: 'transport-playlist', rendition: playlist };
    return { kind: form === undefined ? 'media-playlist' : 'i-frame-playlist', rendition: playlist };
  }
  const [, id] = keyPathForm.exec(path) ?? [];
  if (id !== undefined) return { kind: 'key', id };
  const [, epoch, rendition, index, msn, part, transportMsn] = mediaPath.exec(path) ?? [];
  if (epoch === undefined || rendition === undefined) return undefined;
  if (index !== undefined) return { kind: 'init', epoch, rendition, index: Number(index) };
  if (transportMsn !== undefined) return { kind: 'transport-segment', epoch, rendition, msn: Number(transportMsn) };
  if (part !== undefined) return { kind: 'part', epoch, rendition, msn: Number(msn), part: Number(part) };
  return { kind: 'segment', epoch, rendition, msn: Number(msn) };
}
