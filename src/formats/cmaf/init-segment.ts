import { joined } from '../../base/byte-pieces.ts';
import type { CmafTrackConfig } from './cmaf-track.ts';
import { box, fullBox, text, uint16, uint32, zeros } from './box.ts';
import { protectedSampleEntry, type SampleProtection } from './sample-encryption.ts';
import { handlerOf, sampleEntry } from './sample-entry.ts';

/** Every rendition is its own file with one track. */
export const trackId = 1;

/** The language code `und`, three times five bits (ISO/IEC 14496-12 §8.4.2.3). */
const undeterminedLanguage = 0x55c4;
const identityMatrix = uint32(0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000);

/**
 * The CMAF header (initialisation segment) of a track (ISO/IEC 23000-19 §7.3.1); with `protection` that of an encrypted one.
 *
 * There is no edit list. Composition offsets are written as the publisher sent them (`trun` version 1, signed), on
 * the one clock that all tracks share: a stream with B-frames whose first picture is shown 80 ms after its decode
 * time has its audio 80 ms before the picture too. An edit list that brought the picture to zero would have to move
 * the audio with it, and players disagree about edit lists in fragmented files (Media Source Extensions apply them
 * to the track alone).
 */
export function initSegment(config: CmafTrackConfig, timescale: number, protection?: SampleProtection): Uint8Array {
  const entry = sampleEntry(config);
  const described = protection === undefined ? entry : protectedSampleEntry(entry, config.kind, protection);
  return joined([ftyp(config), moov(config, timescale, described)]);
}

/**
 * `cmfc` and not `cmf2`: the earliest presentation time of a fragment may lie after its `tfdt`. AV1 has a brand of its own
 * (AV1-ISOBMFF §2.1).
 */
function ftyp({ codec }: CmafTrackConfig): Uint8Array {
  const brands = ['iso6', 'cmfc', 'mp41', ...(codec === 'av1' ? ['av01'] : [])];
  return box('ftyp', text('iso6'), uint32(0), ...brands.map(text));
}

function moov(config: CmafTrackConfig, timescale: number, entry: Uint8Array): Uint8Array {
  return box('moov', mvhd(timescale), trak(config, timescale, entry), box('mvex', trex()));
}

function mvhd(timescale: number): Uint8Array {
  return fullBox(
    'mvhd',
    0,
    0,
    uint32(0, 0, timescale, 0), // creation, modification, timescale, duration: unknown
    uint32(0x0001_0000), // rate 1.0
    uint16(0x0100), // volume 1.0
    zeros(10),
    identityMatrix,
    zeros(24),
    uint32(trackId + 1), // next_track_ID
  );
}

function trak(config: CmafTrackConfig, timescale: number, entry: Uint8Array): Uint8Array {
  return box('trak', tkhd(config), box('mdia', mdhd(timescale), handlerOf(config), minf(config, entry)));
}

function tkhd(config: CmafTrackConfig): Uint8Array {
  const [width, height] = config.kind === 'video' ? displaySize(config) : [0, 0];
  return fullBox(
    'tkhd',
    0,
    3, // enabled, in movie
    uint32(0, 0, trackId, 0, 0), // creation, modification, track, reserved, duration
    zeros(8),
    uint16(0, 0, config.kind === 'audio' ? 0x0100 : 0, 0), // layer, alternate_group, volume, reserved
    identityMatrix,
    uint32(width * 65_536, height * 65_536), // 16.16
  );
}

/** Width and height with square samples, as a player shows them. */
function displaySize(config: CmafTrackConfig & { kind: 'video' }): [number, number] {
  const { horizontal, vertical } = config.pixelAspect;
  return [Math.min(65_535, Math.round((config.width * horizontal) / vertical)), config.height];
}

function mdhd(timescale: number): Uint8Array {
  return fullBox('mdhd', 0, 0, uint32(0, 0, timescale, 0), uint16(undeterminedLanguage, 0));
}

function minf(config: CmafTrackConfig, entry: Uint8Array): Uint8Array {
  const mediaHeader =
    config.kind === 'video' ? fullBox('vmhd', 0, 1, uint16(0, 0, 0, 0)) : fullBox('smhd', 0, 0, uint16(0, 0));
  return box('minf', mediaHeader, dinf(), stbl(entry));
}

/** The samples are in this same file. */
function dinf(): Uint8Array {
  return box('dinf', fullBox('dref', 0, 0, uint32(1), fullBox('url ', 0, 1)));
}

/** No samples here: they come in the fragments. */
function stbl(entry: Uint8Array): Uint8Array {
  return box(
    'stbl',
    fullBox('stsd', 0, 0, uint32(1), entry),
    fullBox('stts', 0, 0, uint32(0)),
    fullBox('stsc', 0, 0, uint32(0)),
    fullBox('stsz', 0, 0, uint32(0, 0)),
    fullBox('stco', 0, 0, uint32(0)),
  );
}

function trex(): Uint8Array {
  return fullBox('trex', 0, 0, uint32(trackId, 1, 0, 0, 0)); // sample description 1, no defaults
}
