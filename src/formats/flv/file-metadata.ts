import { Amf0EcmaArray, amf0Object, type Amf0Value } from '../amf0/value.ts';
import type { KeyframeTable } from '../media/stored-media.ts';
import type { TrackConfig } from '../media/track.ts';
import { metadataCodecId } from './track-tag.ts';

/** What `onMetaData` says of a file. */
export interface FileDescription {
  readonly durationMs: number;
  /** `undefined`: nobody knows before all of it has been sent. */
  readonly lengthBytes: number | undefined;
  /** Those that the player gets; the default ones are described. */
  readonly trackConfigs: readonly TrackConfig[];
  /** Of the pictures, where their configuration does not say it. */
  readonly framesPerSecond: number | undefined;
  /** Left out where it is empty. */
  readonly keyframes: KeyframeTable;
}

/** A table of more is thinned out: it is there for seeking, and goes to each player. */
const maxKeyframes = 4_096;

/** The value of `onMetaData` of a file (Adobe FLV 10.1 §E.5), with what players and tools expect beyond it. */
export function fileMetadata(facts: FileDescription): Amf0EcmaArray {
  const { durationMs, lengthBytes, trackConfigs, keyframes } = facts;
  const properties = new Map<string, Amf0Value>([
    ['duration', durationMs / 1_000],
    ...(lengthBytes === undefined ? [] : ([['filesize', lengthBytes]] as const)),
    ['canSeekToEnd', true],
    ['hasVideo', false],
    ['hasAudio', false],
  ]);
  for (const config of trackConfigs) {
    if (config.trackId === 0) for (const [name, value] of ofTrack(config, facts)) properties.set(name, value);
  }
  const times = Array.from(keyframes.timesMs, (timeMs) => timeMs / 1_000);
  properties.set('hasKeyframes', times.length > 0);
  if (times.length > 0) {
    const step = Math.ceil(times.length / maxKeyframes);
    const chosen = <Value>(values: readonly Value[]) => values.filter((_, index) => index % step === 0);
    const filepositions = chosen(Array.from(keyframes.offsets));
    properties.set('keyframes', amf0Object({ times: chosen(times), filepositions }));
  }
  return new Amf0EcmaArray(properties);
}

function ofTrack(
  config: TrackConfig,
  facts: Pick<FileDescription, 'framesPerSecond'>,
): readonly (readonly [name: string, value: Amf0Value])[] {
  if (config.kind === 'video') {
    const { width, height, framesPerSecond = facts.framesPerSecond } = config;
    return [
      ['hasVideo', true],
      ['width', width],
      ['height', height],
      ...(framesPerSecond === undefined ? [] : ([['framerate', framesPerSecond]] as const)),
      ['videocodecid', metadataCodecId(config)],
    ];
  }
  const { sampleRate, channels } = config;
  return [
    ['hasAudio', true],
    ['audiosamplerate', sampleRate],
    ['audiochannels', channels],
    ['stereo', channels === 2],
    ['audiocodecid', metadataCodecId(config)],
  ];
}
