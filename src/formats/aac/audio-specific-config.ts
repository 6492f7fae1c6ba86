import { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { AacTrackConfig } from '../media/track.ts';
import { programConfigChannels } from './program-config.ts';
import { samplingFrequencies } from './sampling-frequency.ts';

/** What an AudioSpecificConfig says (ISO/IEC 14496-3 §1.6.2.1). */
export interface AudioSpecificConfig {
  /** Of the core: 1 Main, 2 LC, 3 SSR, 4 LTP. */
  readonly objectType: number;
  /** Of the core, in Hz. */
  readonly sampleRate: number;
  /** As written; 0 if a program config element says it. */
  readonly channelConfiguration: number;
  /** Of the core. */
  readonly channels: number;
  /** Of the core, in one frame: 1,024 or 960. */
  readonly samplesPerFrame: number;
  /** Spectral band replication, if it is signalled explicitly: its output rate in Hz. */
  readonly sbrSampleRate: number | undefined;
  /** Parametric stereo, if it is signalled explicitly: one channel becomes two. */
  readonly parametricStereo: boolean;
}

const objectType = { main: 1, lc: 2, ssr: 3, ltp: 4, sbr: 5, ps: 29, escape: 31 } as const;

/** Table 1.19: channels by channelConfiguration; 0 is a program config element, holes are reserved. */
const channelCounts: readonly (number | undefined)[] = [
  undefined,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  24,
  8,
];

/** Nothing that is played is faster, though the written form would allow 16 MHz. */
const highestSampleRate = 192_000;

const syncExtension = { sbr: 0x2b7, ps: 0x548 } as const;

/**
 * Reads an AudioSpecificConfig of AAC Main, LC, SSR or LTP, with SBR and PS in all explicit forms. Throws
 * `ProtocolError` for other object types, for reserved values and for what ends early.
 */
export function parseAudioSpecificConfig(bytes: Uint8Array): AudioSpecificConfig {
  const reader = new BitReader(bytes, 'AudioSpecificConfig');
  let core = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const channelConfiguration = reader.bits(4);
  let sbrSampleRate: number | undefined;
  const parametricStereo = core === objectType.ps;
  if (core === objectType.sbr || core === objectType.ps) {
    sbrSampleRate = readSampleRate(reader);
    core = readObjectType(reader);
  }
  if (core < objectType.main || core > objectType.ltp) {
    throw configError(`AAC object type ${core} is not supported: Main, LC, SSR, LTP and HE-AAC are`);
  }
  const samplesPerFrame = reader.flag() ? 960 : 1_024;
  if (reader.flag()) reader.skip(14); // dependsOnCoreCoder: coreCoderDelay
  reader.skip(1); // extensionFlag: 0 for these object types
  const channels = channelConfiguration === 0 ? programConfigChannels(reader) : channelCounts[channelConfiguration];
  if (channels === undefined) throw configError(`the reserved channel configuration ${channelConfiguration}`);
  const backwardCompatible = sbrSampleRate === undefined ? readSyncExtension(reader) : undefined;
  const config = {
    objectType: core,
    sampleRate,
    channelConfiguration,
    channels,
    samplesPerFrame,
    sbrSampleRate: sbrSampleRate ?? backwardCompatible?.sbrSampleRate,
    parametricStereo: parametricStereo || backwardCompatible?.parametricStereo === true,
  };
  // SBR doubles the rate, or leaves it in its downsampled form (§4.6.18.4.3); there is no third.
  if (config.sbrSampleRate !== undefined && ![sampleRate, sampleRate * 2].includes(config.sbrSampleRate)) {
    throw configError(`SBR from ${sampleRate} Hz to ${config.sbrSampleRate} Hz`);
  }
  return config;
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === objectType.escape ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const sampleRate = index === 15 ? reader.bits(24) : samplingFrequencies[index];
  if (sampleRate === undefined) throw configError(`the reserved sampling frequency index ${index}`);
  if (sampleRate === 0 || sampleRate > highestSampleRate) throw configError(`a sampling frequency of ${sampleRate} Hz`);
  return sampleRate;
}

/** SBR and PS behind the core's configuration, where an old decoder does not look (§1.6.6.1). May be cut off. */
function readSyncExtension(reader: BitReader): { sbrSampleRate: number; parametricStereo: boolean } | undefined {
  if (reader.remainingBits < 16 || reader.bits(11) !== syncExtension.sbr) return undefined;
  if (readObjectType(reader) !== objectType.sbr || !reader.flag()) return undefined;
  const sbrSampleRate = readSampleRate(reader);
  const parametricStereo = reader.remainingBits >= 12 && reader.bits(11) === syncExtension.ps && reader.flag();
  return { sbrSampleRate, parametricStereo };
}

/** The track of an AAC stream with this AudioSpecificConfig, which is copied. Throws as `parseAudioSpecificConfig`. */
export function aacTrackConfig(description: Uint8Array, trackId = 0): AacTrackConfig {
  const config = parseAudioSpecificConfig(description);
  const sampleRate = config.sbrSampleRate ?? config.sampleRate;
  return {
    kind: 'audio',
    codec: 'aac',
    trackId,
    codecString: `mp4a.40.${signalledObjectType(config)}`,
    description: description.slice(),
    sampleRate,
    channels: config.parametricStereo && config.channels === 1 ? 2 : config.channels,
    samplesPerFrame: (config.samplesPerFrame * sampleRate) / config.sampleRate,
  };
}

function signalledObjectType(config: AudioSpecificConfig): number {
  if (config.parametricStereo) return objectType.ps;
  return config.sbrSampleRate === undefined ? config.objectType : objectType.sbr;
}

function configError(sentence: string): ProtocolError {
  return new ProtocolError('AAC_CONFIGURATION', sentence, { section: 'ISO/IEC 14496-3 §1.6' });
}
