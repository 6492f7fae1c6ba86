import {
  attributeTag,
  decimalFloatingPoint,
  decimalInteger,
  decimalResolution,
  enumeratedString,
  quotedString,
} from './attribute-list.ts';

/** A multivariant playlist (rfc8216bis §4.4.6): the variants to choose from, and the renditions that go with them. */
export interface MultivariantPlaylist {
  readonly audioRenditions: readonly AudioRendition[];
  readonly variants: readonly Variant[];
}

export interface AudioRendition {
  readonly groupId: string;
  readonly name: string;
  readonly isDefault: boolean;
  readonly channels: number;
  readonly uri: string;
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

export interface VariantVideo {
  /** Pixels as shown. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number | undefined;
}

/** The text of a multivariant playlist. */
export function writeMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9'];
  for (const rendition of playlist.audioRenditions) lines.push(audioTag(rendition));
  for (const variant of playlist.variants) lines.push(variantTag(variant), variant.uri);
  lines.push('');
  return lines.join('\n');
}

function audioTag(rendition: AudioRendition): string {
  return attributeTag('EXT-X-MEDIA', {
    TYPE: enumeratedString('AUDIO'),
    'GROUP-ID': quotedString(rendition.groupId),
    NAME: quotedString(rendition.name),
    DEFAULT: enumeratedString(rendition.isDefault ? 'YES' : 'NO'),
    AUTOSELECT: enumeratedString('YES'),
    CHANNELS: quotedString(String(rendition.channels)),
    URI: quotedString(rendition.uri),
  });
}

function variantTag(variant: Variant): string {
  const { video } = variant;
  return attributeTag('EXT-X-STREAM-INF', {
    BANDWIDTH: decimalInteger(Math.max(1, variant.peakBitsPerSecond)),
    'AVERAGE-BANDWIDTH': decimalInteger(Math.max(1, variant.averageBitsPerSecond)),
    CODECS: quotedString(variant.codecs.join(',')),
    RESOLUTION: video && decimalResolution(video.width, video.height),
    'FRAME-RATE':
      video?.framesPerSecond === undefined ? undefined : decimalFloatingPoint(Number(video.framesPerSecond.toFixed(3))),
    AUDIO: variant.audioGroupId === undefined ? undefined : quotedString(variant.audioGroupId),
  });
}
