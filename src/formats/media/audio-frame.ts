import { ProtocolError } from '../../base/errors.ts';
import { silentFrame } from '../aac/silent-frame.ts';
import { eac3Samples } from '../ac3/access-unit.ts';
import { silentAc3Frame } from '../ac3/silent-frame.ts';
import { flacFrameSamples, silentFlacFrame } from '../flac/frame.ts';
import { parseMp3FrameHeader } from '../mp3/frame-header.ts';
import { silentMp3Frame } from '../mp3/silent-frame.ts';
import { opusPacketSamples, silentOpusPacket, silentOpusSamples } from '../opus/packet.ts';
import type { AudioTrackConfig } from './track.ts';

/** Samples of each channel that an access unit decodes to, at the track's rate; `undefined` for what is none of its codec. */
export function audioFrameSamples(config: AudioTrackConfig, data: Uint8Array): number | undefined {
  switch (config.codec) {
    case 'aac':
    case 'ac3':
      return config.samplesPerFrame;
    case 'opus':
      return opusPacketSamples(data);
    case 'flac':
      return flacFrameSamples(data);
    case 'eac3':
      return readable(() => eac3Samples(data));
    case 'mp3':
      return readable(() => parseMp3FrameHeader(data).samplesPerFrame);
  }
}

/** An access unit that stands where nothing was sent. */
export interface FillerFrame {
  readonly data: Uint8Array;
  readonly samples: number;
}

/** RFC 9639 §7.1: a block size that every decoder takes. */
const flacBlockSamples = 4_096;

/**
 * Silence that can stand behind `last`, an access unit of the track. `undefined` where none is known: of
 * AAC what has SBR or more than two channels, MP3 of a free bit rate, E-AC-3 of more than one substream or short frames.
 */
export function silenceAfter(config: AudioTrackConfig, last: Uint8Array): FillerFrame | undefined {
  switch (config.codec) {
    case 'aac':
      return filler(silentFrame(config), config.samplesPerFrame);
    case 'opus':
      return filler(silentOpusPacket(config.description), silentOpusSamples);
    case 'flac': {
      const samples = config.samplesPerFrame ?? flacBlockSamples;
      return filler(silentFlacFrame(config.description, samples), samples);
    }
    case 'mp3':
      return filler(
        readable(() => silentMp3Frame(last)),
        config.samplesPerFrame,
      );
    case 'ac3':
    case 'eac3':
      return filler(
        readable(() => silentAc3Frame(last)),
        config.samplesPerFrame,
      );
  }
}

function filler(data: Uint8Array | undefined, samples: number): FillerFrame | undefined {
  return data && { data, samples };
}

function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return undefined;
  }
}
