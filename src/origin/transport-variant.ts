import type { CmafTrackConfig } from '../formats/cmaf/cmaf-track.ts';
import { id3EventScheme, readEventMessages } from '../formats/cmaf/event-message.ts';
import { mediaPartSamples } from '../formats/cmaf/media-part-samples.ts';
import { type ElementaryStream, elementaryStream } from '../formats/mpegts/elementary-stream.ts';
import { toSystemTicks } from '../formats/mpegts/timestamp.ts';
import {
  type TransportMetadata,
  type TransportTrack,
  type TransportUnit,
  writeTransportSegment,
} from '../formats/mpegts/transport-segment.ts';
import { timescaleOf } from '../policy/timed-unit.ts';
import { heldBytes, holdParts, type StoredSegment } from '../stores/segment-window.ts';
import type { Rendition } from './rendition.ts';

/** A rendition as MPEG-TS: pictures with the sound that goes with them, or sound alone. */
export interface TransportVariant {
  /** Says where segments begin and end, and names the variant. */
  readonly main: Rendition;
  /** The first of them whose codec can be written is heard. */
  readonly sounds: readonly Rendition[];
}

/** Each configuration is read once. */
const streams = new WeakMap<CmafTrackConfig, { readonly stream: ElementaryStream | undefined }>();

function streamOf(config: CmafTrackConfig): ElementaryStream | undefined {
  let known = streams.get(config);
  if (known === undefined) {
    known = { stream: elementaryStream(config) };
    streams.set(config, known);
  }
  return known.stream;
}

/** Why there is no MPEG-TS of these tracks, in words; `undefined` when there is. */
export function transportFault(main: CmafTrackConfig, sounds: readonly CmafTrackConfig[]): string | undefined {
  if (streamOf(main) === undefined) return `there is no ${main.codecString} in MPEG-TS`;
  if (sounds.length === 0 || sounds.some((sound) => streamOf(sound) !== undefined)) return undefined;
  return `there is no ${sounds.map(({ codecString }) => codecString).join(' and no ')} in MPEG-TS`;
}

/** The variant of one rendition of a stream, or why there is none; `renditions` are all, without a segment or with. */
export function transportVariantOf(main: Rendition, renditions: readonly Rendition[]): TransportVariant | string {
  const sounds = main.kind === 'video' ? renditions.filter(({ kind }) => kind === 'audio') : [];
  const fault = transportFault(
    main.config,
    sounds.map(({ config }) => config),
  );
  return fault ?? { main, sounds };
}

/** Every picture that can be had, or without pictures the sound; with `audioOnly` both. Of those that have a segment. */
export function transportVariants(renditions: readonly Rendition[], audioOnly: boolean): TransportVariant[] {
  const listed = renditions.filter(({ window }) => window.segments.length > 0);
  const variantsOf = (kind: Rendition['kind']) =>
    listed
      .filter((rendition) => rendition.kind === kind)
      .map((rendition) => transportVariantOf(rendition, renditions))
      .filter((variant) => typeof variant !== 'string');
  const hasPictures = listed.some(({ kind }) => kind === 'video');
  return [...variantsOf('video'), ...(audioOnly || !hasPictures ? variantsOf('audio').slice(0, 1) : [])];
}

/** The sound of a variant now. */
export function soundOf({ sounds }: TransportVariant): Rendition | undefined {
  return sounds.find(({ config }) => streamOf(config) !== undefined);
}

/** The segments that can be listed: those that all tracks have brought to their end. */
export function transportSegments(variant: TransportVariant): readonly StoredSegment[] {
  const endMsn = soundEndMsn(variant);
  return variant.main.window.segments.filter(({ msn }) => msn < endMsn);
}

/** The first that some sound may still bring something of. */
function soundEndMsn({ sounds }: TransportVariant): number {
  return Math.min(...sounds.map(({ window }) => window.nextPart.msn));
}

/** Whether all of a segment can be written: its codecs may have been others then. */
export function isTransportable(variant: TransportVariant, msn: number): boolean {
  return tracksAt(variant, msn) !== undefined;
}

/**
 * The segment with this number, made of what is stored of its tracks; `undefined` when there is none, or when it cannot be
 * written. A gap has what sound there is: who does not know EXT-X-GAP finds a file. `hasMetadata`: timed metadata is announced
 * in all segments, so that old players find no other program where there is some.
 */
export function transportSegment(variant: TransportVariant, msn: number, hasMetadata: boolean): Uint8Array | undefined {
  const segment = msn < soundEndMsn(variant) ? variant.main.window.complete(msn) : undefined;
  const tracks = tracksAt(variant, msn);
  if (segment === undefined || tracks === undefined) return undefined;
  // What is written is a copy.
  const held = holdParts([segment, ...tracks.map((track) => track.segment)].flatMap(({ parts }) => parts));
  try {
    return writeTransportSegment({
      msn,
      discontinuity: segment.discontinuity,
      tracks: tracks.map(withUnits),
      ...(hasMetadata ? { metadata: metadataOf(segment) } : {}),
      version: tracks.reduce((sum, { segment: { initIndex } }, index) => sum + (initIndex + 1) * (index + 1), 0),
    });
  } finally {
    held.release();
  }
}

/** What one rendition has of a segment, and how it is written. */
interface TrackAt extends Omit<TransportTrack, 'units'> {
  readonly segment: StoredSegment;
}

function tracksAt({ main, sounds }: TransportVariant, msn: number): readonly TrackAt[] | undefined {
  const pictures = trackAt(main, msn);
  if (pictures === undefined) return undefined;
  const heard = sounds.filter(({ window }) => window.segment(msn) !== undefined);
  if (heard.length === 0) return [pictures];
  for (const sound of heard) {
    const track = trackAt(sound, msn);
    if (track !== undefined) return [pictures, track];
  }
  return undefined;
}

function trackAt(rendition: Rendition, msn: number): TrackAt | undefined {
  const segment = rendition.window.complete(msn);
  const config = segment && rendition.configOf(segment.initIndex);
  const stream = config && streamOf(config);
  return stream && { segment, stream, timescale: timescaleOf(config) };
}

function metadataOf({ parts }: StoredSegment): TransportMetadata[] {
  const messages = parts.filter(({ gap }) => !gap).flatMap((part) => readEventMessages(heldBytes(part)));
  return messages
    .filter(({ scheme }) => scheme === id3EventScheme)
    .map(({ presentationTimeTicks, timescale, data }) => ({
      ptsTicks: toSystemTicks(presentationTimeTicks, timescale),
      tag: data,
    }));
}

function withUnits({ segment, stream, timescale }: TrackAt): TransportTrack {
  const units: TransportUnit[] = [];
  for (const part of segment.parts) {
    if (part.gap) continue;
    const { baseMediaDecodeTimeTicks, samples } = mediaPartSamples(heldBytes(part));
    let dtsTicks = baseMediaDecodeTimeTicks;
    for (const sample of samples) {
      units.push({ ...sample, dtsTicks });
      dtsTicks += sample.durationTicks;
    }
  }
  return { stream, timescale, units };
}
