import {
  type AudioRendition,
  type CaptionRendition,
  type IFrameVariant,
  type MultivariantPlaylist,
  type Variant,
  type VariantVideo,
  writeMultivariantPlaylist,
} from '../formats/m3u8/multivariant-playlist.ts';
import { trackNumber, type VideoTrackConfig } from '../formats/media/track.ts';
import type { TrackLabel } from '../formats/media/track-labels.ts';
import { videoRange } from '../formats/media/video-color.ts';
import { iFramePlaylistName, mediaPlaylistName } from './live-paths.ts';
import type { PlaylistSource } from './live-playlists.ts';
import type { Rendition } from './rendition.ts';

/** A rate that the stream states is believed when what is measured is this near. */
const statedRateTolerance = 0.1;

export interface MultivariantOptions {
  /** Each group of sound is a variant without pictures as well. */
  readonly audioOnly: boolean;
  /** What the publisher calls its tracks, by number. */
  readonly labels: ReadonlyMap<number, TrackLabel>;
  /** In the pictures; `undefined` while nobody knows. */
  readonly captions: readonly CaptionRendition[] | undefined;
}

/** Sound of one codec: a variant's CODECS must hold for whichever of them is heard. */
interface AudioGroup {
  readonly id: string;
  readonly renditions: readonly Rendition[];
}

/**
 * The text of a stream's multivariant playlist. Each picture is a variant with each group of sound, in the order of
 * `renditions`; with `audioOnly` each group is a variant without pictures as well. Without pictures the first sound is
 * the variant, and the others go with it.
 */
export function multivariantPlaylistText(
  { renditions, keys }: Pick<PlaylistSource, 'renditions' | 'keys'>,
  options: MultivariantOptions,
): string {
  const { iFrameVariants = [], ...playlist } = multivariantPlaylist(renditions, options);
  return writeMultivariantPlaylist({
    ...playlist,
    captions: options.captions,
    // Of what is encrypted as a whole no range can be decrypted.
    iFrameVariants: keys?.encryptsWholeFiles === true ? [] : iFrameVariants,
    sessionKeys: keys?.sessionKeys() ?? [],
  });
}

function multivariantPlaylist(
  renditions: readonly Rendition[],
  { audioOnly, labels }: MultivariantOptions,
): MultivariantPlaylist {
  const pictures = withMedia(renditions.filter(({ kind }) => kind === 'video'));
  const sounds = renditions.filter(({ kind }) => kind === 'audio');
  const groups = audioGroups(sounds);
  if (pictures.length > 0) {
    return {
      audioRenditions: groups.flatMap((group) => audioRenditions(group, sounds, labels)),
      variants: [
        ...pictures.flatMap((picture) =>
          groups.length === 0 ? [variant(picture, undefined)] : groups.map((group) => variant(picture, group)),
        ),
        ...(audioOnly ? groups.flatMap(soundVariants) : []),
      ],
      iFrameVariants: iFrameVariants(pictures),
    };
  }
  // What is in the variant itself needs no rendition beside it, unless there is a choice.
  const [alone] = sounds;
  if (sounds.length === 1 && alone !== undefined) {
    return { audioRenditions: [], variants: [variant(alone, undefined)] };
  }
  return {
    audioRenditions: groups.flatMap((group) =>
      audioRenditions(group, sounds, labels).map((rendition, index) =>
        index === 0 ? { ...rendition, uri: undefined } : rendition,
      ),
    ),
    variants: groups.flatMap(soundVariants),
  };
}

/** Who comes now finds nothing in what has had only gaps for so long that its media has left the window. */
function withMedia(pictures: readonly Rendition[]): readonly Rendition[] {
  const alive = pictures.filter(({ window }) => window.segments.some(({ gap }) => !gap));
  return alive.length === 0 ? pictures : alive;
}

/** One: whoever takes it finds the others of the group beside it. */
function soundVariants(group: AudioGroup): Variant[] {
  return group.renditions.slice(0, 1).map((first) => variant(first, group));
}

function iFrameVariants(pictures: readonly Rendition[]): IFrameVariant[] {
  return pictures.flatMap(({ name, config, iFrames }) => {
    const bitrate = iFrames?.bitrate();
    if (bitrate === undefined || config.kind !== 'video') return [];
    return {
      uri: iFramePlaylistName(name),
      peakBitsPerSecond: bitrate.peak,
      averageBitsPerSecond: bitrate.average,
      codecs: config.codecString,
      video: variantVideo(config, undefined),
    };
  });
}

function audioGroups(sounds: readonly Rendition[]): AudioGroup[] {
  const byCodec = new Map<string, Rendition[]>();
  for (const sound of sounds) byCodec.set(sound.config.codec, [...(byCodec.get(sound.config.codec) ?? []), sound]);
  return [...byCodec].map(([codec, renditions]) => ({
    id: byCodec.size === 1 ? 'audio' : `audio-${codec}`,
    renditions,
  }));
}

/** Names differ within a group (rfc8216bis §4.4.6.1.1): what the publisher calls alike is counted. */
function audioRenditions(
  { id, renditions }: AudioGroup,
  sounds: readonly Rendition[],
  labels: MultivariantOptions['labels'],
): AudioRendition[] {
  const said = renditions.map(({ config }) => labels.get(trackNumber(config))?.name);
  return renditions.map(({ config, name }, index) => ({
    groupId: id,
    name: ownName(said, index) ?? (sounds.length === 1 ? 'main' : `Audio ${config.trackId + 1}`),
    language: labels.get(trackNumber(config))?.language,
    isDefault: index === 0,
    channels: config.kind === 'audio' ? config.channels : 2,
    uri: mediaPlaylistName(name),
  }));
}

/** `undefined` where others are called the same. */
function ownName(names: readonly (string | undefined)[], index: number): string | undefined {
  const name = names[index];
  return names.filter((other) => other === name).length === 1 ? name : undefined;
}

/** Its bitrates are those of the heaviest combination that it stands for (rfc8216bis §4.4.6.2). */
function variant(main: Rendition, group: AudioGroup | undefined): Variant {
  const { config } = main;
  const others = (group?.renditions ?? []).filter((rendition) => rendition !== main && config.kind === 'video');
  const own = main.bitrate();
  const beside = others.map((rendition) => rendition.bitrate());
  return {
    uri: mediaPlaylistName(main.name),
    peakBitsPerSecond: own.peak + Math.max(0, ...beside.map(({ peak }) => peak)),
    averageBitsPerSecond: own.average + Math.max(0, ...beside.map(({ average }) => average)),
    codecs: [...new Set([main, ...(group?.renditions ?? [])].map((rendition) => rendition.config.codecString))],
    video: config.kind === 'video' ? variantVideo(config, main.unitsPerSecond()) : undefined,
    audioGroupId: group?.id,
  };
}

/** `measuredRate`: access units a second. */
export function variantVideo(config: VideoTrackConfig, measuredRate: number | undefined): VariantVideo {
  const { horizontal, vertical } = config.pixelAspect;
  return {
    width: Math.round((config.width * horizontal) / vertical),
    height: config.height,
    framesPerSecond: framesPerSecond(config, measuredRate),
    range: videoRange(config.color),
  };
}

/** What the stream states, unless it is far from what comes. */
export function framesPerSecond(config: VideoTrackConfig, measuredRate: number | undefined): number | undefined {
  const stated = config.framesPerSecond;
  if (stated === undefined || measuredRate === undefined) return stated ?? measuredRate;
  return Math.abs(stated - measuredRate) <= stated * statedRateTolerance ? stated : measuredRate;
}
