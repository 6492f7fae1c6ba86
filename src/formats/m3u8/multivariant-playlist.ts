import type { CaptionChannel } from '../captions/caption-channel.ts';
import type { VideoRange } from '../media/video-color.ts';
import {
  attributeTag,
  decimalFloatingPoint,
  decimalInteger,
  decimalResolution,
  enumeratedString,
  quotedString,
} from './attribute-list.ts';
import { type EncryptionKey, sessionKeyTag } from './encryption-key.ts';
import { playlistVersion } from './media-playlist.ts';

/** A multivariant playlist (rfc8216bis §4.4.6): the variants to choose from, and the renditions that go with them. */
export interface MultivariantPlaylist {
  /** EXT-X-VERSION: 9 if left out. */
  readonly version?: number;
  readonly audioRenditions: readonly AudioRendition[];
  readonly variants: readonly Variant[];
  /** In the pictures of all variants that have pictures; empty: there are none. Left out while nobody knows. */
  readonly captions?: readonly CaptionRendition[] | undefined;
  /** I-frame playlists of the same pictures. */
  readonly iFrameVariants?: readonly IFrameVariant[];
  /** Keys that players may fetch before they need them. */
  readonly sessionKeys?: readonly EncryptionKey[];
}

export interface AudioRendition {
  readonly groupId: string;
  readonly name: string;
  /** A tag of RFC 5646, such as `de`. */
  readonly language: string | undefined;
  readonly isDefault: boolean;
  readonly channels: number;
  /** `undefined`: it is in the media playlist of the variants that go with its group. */
  readonly uri: string | undefined;
}

/** Captions that are in the pictures themselves (CLOSED-CAPTIONS, rfc8216bis §4.4.6.1). */
export interface CaptionRendition {
  readonly channel: CaptionChannel;
  /** That of the channel if left out. */
  readonly name?: string | undefined;
  /** A tag of RFC 5646, such as `de`. */
  readonly language?: string | undefined;
}

export interface Variant {
  readonly uri: string;
  /** Bits a second, with the renditions that go with it: of the segment that takes most, and over all. */
  readonly peakBitsPerSecond: number;
  readonly averageBitsPerSecond: number;
  /** RFC 6381, of all renditions that go with it. */
  readonly codecs: readonly string[];
  readonly video: VariantVideo | undefined;
  /** The group of audio renditions that goes with it. */
  readonly audioGroupId: string | undefined;
}

/** EXT-X-I-FRAME-STREAM-INF (rfc8216bis §4.4.6.3): bits a second as a player loads them at normal speed. */
export interface IFrameVariant {
  readonly uri: string;
  readonly peakBitsPerSecond: number;
  readonly averageBitsPerSecond: number;
  /** RFC 6381, of the pictures. */
  readonly codecs: string;
  readonly video: VariantVideo;
}

export interface VariantVideo {
  /** Pixels as shown. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number | undefined;
  /** VIDEO-RANGE. */
  readonly range: VideoRange;
}

const captionsGroup = 'captions';

/** The text of a multivariant playlist. */
export function writeMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version ?? playlistVersion}`];
  for (const rendition of playlist.audioRenditions) lines.push(audioTag(rendition));
  lines.push(...captionTags(playlist.captions ?? []));
  for (const variant of playlist.variants) lines.push(variantTag(variant, playlist.captions), variant.uri);
  for (const variant of playlist.iFrameVariants ?? []) lines.push(iFrameTag(variant));
  for (const key of playlist.sessionKeys ?? []) lines.push(sessionKeyTag(key));
  lines.push('');
  return lines.join('\n');
}

function audioTag(rendition: AudioRendition): string {
  return attributeTag('EXT-X-MEDIA', {
    TYPE: enumeratedString('AUDIO'),
    'GROUP-ID': quotedString(rendition.groupId),
    NAME: quotedString(rendition.name),
    LANGUAGE: rendition.language === undefined ? undefined : quotedString(rendition.language),
    DEFAULT: enumeratedString(rendition.isDefault ? 'YES' : 'NO'),
    AUTOSELECT: enumeratedString('YES'),
    CHANNELS: quotedString(String(rendition.channels)),
    URI: rendition.uri === undefined ? undefined : quotedString(rendition.uri),
  });
}

/** A player chooses by language among those that it may select by itself: they must differ in it (§4.4.6.1.1). */
function captionTags(captions: readonly CaptionRendition[]): string[] {
  return captions.map(({ channel, name = channel, language }, index) => {
    const isFirst = captions.findIndex((other) => other.language === language) === index;
    return attributeTag('EXT-X-MEDIA', {
      TYPE: enumeratedString('CLOSED-CAPTIONS'),
      'GROUP-ID': quotedString(captionsGroup),
      NAME: quotedString(name),
      LANGUAGE: language === undefined ? undefined : quotedString(language),
      DEFAULT: enumeratedString('NO'),
      AUTOSELECT: enumeratedString(isFirst ? 'YES' : 'NO'),
      'INSTREAM-ID': quotedString(channel),
    });
  });
}

/** NONE stands in all variants or in none (§4.4.6.2). */
function closedCaptions({ video }: Variant, captions: MultivariantPlaylist['captions']) {
  if (captions?.length === 0) return enumeratedString('NONE');
  return captions === undefined || video === undefined ? undefined : quotedString(captionsGroup);
}

function variantTag(variant: Variant, captions: MultivariantPlaylist['captions']): string {
  const { video } = variant;
  return attributeTag('EXT-X-STREAM-INF', {
    ...bandwidth(variant),
    CODECS: quotedString(variant.codecs.join(',')),
    RESOLUTION: video && decimalResolution(video.width, video.height),
    'FRAME-RATE':
      video?.framesPerSecond === undefined ? undefined : decimalFloatingPoint(Number(video.framesPerSecond.toFixed(3))),
    'VIDEO-RANGE': videoRangeAttribute(video?.range),
    AUDIO: variant.audioGroupId === undefined ? undefined : quotedString(variant.audioGroupId),
    'CLOSED-CAPTIONS': closedCaptions(variant, captions),
  });
}

/** Of a rate of its own it says nothing (rfc8216bis §4.4.6.3). */
function iFrameTag(variant: IFrameVariant): string {
  const { width, height, range } = variant.video;
  return attributeTag('EXT-X-I-FRAME-STREAM-INF', {
    ...bandwidth(variant),
    CODECS: quotedString(variant.codecs),
    RESOLUTION: decimalResolution(width, height),
    'VIDEO-RANGE': videoRangeAttribute(range),
    URI: quotedString(variant.uri),
  });
}

/** SDR is what it means to leave it out. */
function videoRangeAttribute(range: VideoRange | undefined) {
  return range === undefined || range === 'SDR' ? undefined : enumeratedString(range);
}

function bandwidth(variant: { readonly peakBitsPerSecond: number; readonly averageBitsPerSecond: number }) {
  return {
    BANDWIDTH: decimalInteger(Math.max(1, variant.peakBitsPerSecond)),
    'AVERAGE-BANDWIDTH': decimalInteger(Math.max(1, variant.averageBitsPerSecond)),
  };
}
