import {
  EncodedPacketSink,
  FilePathSource,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  WEBM,
} from 'mediabunny';
import { ConfigError } from '../../base/errors.ts';
import { adtsAudioSpecificConfig, parseAdtsHeader } from '../../formats/aac/adts.ts';
import { aacTrackConfig } from '../../formats/aac/audio-specific-config.ts';
import {
  avcTrackConfig,
  encodeAvcDecoderConfiguration,
  parseAvcDecoderConfiguration,
} from '../../formats/avc/decoder-configuration.ts';
import {
  annexBNalUnits,
  annexBToLengthPrefixed,
  containsIdrSlice,
  nalUnitType,
  typeOfNalUnit,
} from '../../formats/avc/nal-unit.ts';
import type { TrackConfig } from '../../formats/media/track.ts';
import { withDecodeTimes } from './decode-times.ts';
import type { DemuxedItem, Demuxer, TimedUnit } from './demuxer.ts';
import { unpublishable } from './unpublishable.ts';

/** One track of a file: its configuration, and its units from the beginning, as often as wanted. */
interface DemuxedTrack {
  readonly config: TrackConfig;
  units(): AsyncIterable<TimedUnit>;
}

/**
 * Takes an MP4, MOV, Matroska or MPEG-TS file apart: its main video and its main audio track. Reads what it needs, when
 * it needs it. Throws `ConfigError` when it is no such file or holds other codecs than H.264 and AAC.
 */
export async function openContainer(path: string): Promise<Demuxer> {
  const input = new Input({ source: new FilePathSource(path), formats: [MP4, QTFF, MATROSKA, WEBM, MPEG_TS] });
  try {
    // A file of a few bytes fails an assertion of the library.
    if (!(await input.canRead().catch(() => false))) {
      throw new ConfigError(`${path} cannot be published:`, ['it is no MP4, MOV, MKV, MPEG-TS or FLV file']);
    }
    const video = await input.getPrimaryVideoTrack();
    const audio = await input.getPrimaryAudioTrack();
    const tracks: DemuxedTrack[] = [];
    if (video !== null) tracks.push(await videoTrack(path, video));
    if (audio !== null) tracks.push(await audioTrack(path, audio));
    if (tracks.length === 0)
      throw new ConfigError(`${path} cannot be published:`, ['it holds neither video nor audio']);
    return {
      trackConfigs: tracks.map((track) => track.config),
      pass: () => interleaved(tracks.map((track) => track.units())),
      close: async () => input.dispose(),
    };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

async function videoTrack(path: string, track: InputVideoTrack): Promise<DemuxedTrack> {
  const codec = await track.getCodec();
  if (codec !== 'avc') throw unpublishable(path, 'video', codec ?? 'of a codec that is not known');
  const sink = new EncodedPacketSink(track);
  const described = descriptionBytes(await track.getDecoderConfig());
  const first = described === undefined ? await sink.getFirstPacket() : null;
  const description = described ?? inBandDescription(path, first?.data);
  const { nalLengthBytes } = parseAvcDecoderConfiguration(description);

  async function* frames() {
    for await (const packet of sink.packets()) {
      // Without a description the NAL units have start codes (annex B).
      const data = described === undefined ? annexBToLengthPrefixed(packet.data) : packet.data;
      yield {
        kind: 'video',
        presentationSeconds: packet.timestamp,
        durationSeconds: packet.duration,
        // Containers call a recovery point a sync sample too.
        keyframe: packet.type === 'key' && containsIdrSlice(data, nalLengthBytes),
        data,
      } as const;
    }
  }
  return { config: avcTrackConfig(description), units: () => withDecodeTimes(frames()) };
}

function inBandDescription(path: string, accessUnit: Uint8Array | undefined): Uint8Array {
  const nalUnits = [...annexBNalUnits(accessUnit ?? new Uint8Array(0))];
  const ofType = (type: number) => nalUnits.filter((nalUnit) => typeOfNalUnit(nalUnit) === type);
  const sps = ofType(nalUnitType.sps);
  if (sps.length === 0) {
    throw new ConfigError(`${path} cannot be published:`, ['its video does not begin with a parameter set']);
  }
  return encodeAvcDecoderConfiguration(sps, ofType(nalUnitType.pps));
}

async function audioTrack(path: string, track: InputAudioTrack): Promise<DemuxedTrack> {
  const codec = await track.getCodec();
  if (codec !== 'aac') throw unpublishable(path, 'audio', codec ?? 'of a codec that is not known');
  const sink = new EncodedPacketSink(track);
  const described = descriptionBytes(await track.getDecoderConfig());
  const first = described === undefined ? await sink.getFirstPacket() : null;
  const config = aacTrackConfig(
    described ?? adtsAudioSpecificConfig(parseAdtsHeader(first?.data ?? new Uint8Array(0))),
  );

  async function* units(): AsyncGenerator<TimedUnit, void, undefined> {
    for await (const packet of sink.packets()) {
      const headerBytes = described === undefined ? parseAdtsHeader(packet.data).headerBytes : 0;
      yield {
        kind: 'audio',
        decodeSeconds: packet.timestamp,
        presentationSeconds: packet.timestamp,
        // Not the packet's: the last one of a file is often said to be cut short, and plays in full.
        durationSeconds: config.samplesPerFrame / config.sampleRate,
        keyframe: true,
        data: packet.data.subarray(headerBytes),
      };
    }
  }
  return { config, units };
}

function descriptionBytes(
  decoderConfig: { readonly description?: ArrayBufferLike | ArrayBufferView } | null,
): Uint8Array | undefined {
  const description = decoderConfig?.description;
  if (description === undefined) return undefined;
  if (ArrayBuffer.isView(description)) {
    return new Uint8Array(description.buffer, description.byteOffset, description.byteLength);
  }
  return new Uint8Array(description);
}

/** One after the other, whichever has the earlier decode time; of equal ones the track that comes first. */
async function* interleaved(tracks: readonly AsyncIterable<TimedUnit>[]): AsyncGenerator<DemuxedItem, void, undefined> {
  const iterators = tracks.map((track) => track[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    for (;;) {
      let earliest: number | undefined;
      let unit: TimedUnit | undefined;
      for (const [index, head] of heads.entries()) {
        if (head.done === true || (unit !== undefined && unit.decodeSeconds <= head.value.decodeSeconds)) continue;
        earliest = index;
        unit = head.value;
      }
      if (earliest === undefined || unit === undefined) return;
      yield { kind: 'unit', unit };
      const next = await iterators[earliest]?.next();
      if (next !== undefined) heads[earliest] = next;
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}
