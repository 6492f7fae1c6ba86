import type { TrackConfig } from '../formats/media/track.ts';

/**
 * The paths below `/live/NAME/`. Media carries the stream's epoch, which names one life of it, so that a path never
 * means two things; playlists refer to all of it by relative URIs.
 */
export type LivePath =
  | { readonly kind: 'multivariant' }
  | { readonly kind: 'media-playlist'; readonly rendition: TrackConfig['kind'] }
  | { readonly kind: 'init'; readonly epoch: string; readonly rendition: TrackConfig['kind']; readonly index: number }
  | { readonly kind: 'segment'; readonly epoch: string; readonly rendition: TrackConfig['kind']; readonly msn: number }
  | {
      readonly kind: 'part';
      readonly epoch: string;
      readonly rendition: TrackConfig['kind'];
      readonly msn: number;
      readonly part: number;
    };

const multivariantName = 'index.m3u8';

export function mediaPlaylistName(rendition: TrackConfig['kind']): string {
  return `${rendition}.m3u8`;
}

export function initPath(epoch: string, rendition: TrackConfig['kind'], index: number): string {
  return `${epoch}/${rendition}/init-${index}.mp4`;
}

export function segmentPath(epoch: string, rendition: TrackConfig['kind'], msn: number): string {
  return `${epoch}/${rendition}/${msn}.m4s`;
}

export function partPath(epoch: string, rendition: TrackConfig['kind'], msn: number, part: number): string {
  return `${epoch}/${rendition}/${msn}.${part}.m4s`;
}

/** Fifteen digits stay exact. A number has one spelling: a path with a leading zero is another path, and not ours. */
const number = '(0|[1-9][0-9]{0,14})';
const mediaPath = new RegExp(
  `^([0-9a-z-]{1,64})/(video|audio)/(?:init-${number}\\.mp4|${number}(?:\\.${number})?\\.m4s)$`,
);

/** What a path below `/live/NAME/` means; `undefined` when nothing. */
export function parseLivePath(path: string): LivePath | undefined {
  if (path === multivariantName) return { kind: 'multivariant' };
  if (path === 'video.m3u8') return { kind: 'media-playlist', rendition: 'video' };
  if (path === 'audio.m3u8') return { kind: 'media-playlist', rendition: 'audio' };
  const [, epoch, rendition, index, msn, part] = mediaPath.exec(path) ?? [];
  if (epoch === undefined || (rendition !== 'video' && rendition !== 'audio')) return undefined;
  if (index !== undefined) return { kind: 'init', epoch, rendition, index: Number(index) };
  if (part !== undefined) return { kind: 'part', epoch, rendition, msn: Number(msn), part: Number(part) };
  return { kind: 'segment', epoch, rendition, msn: Number(msn) };
}
