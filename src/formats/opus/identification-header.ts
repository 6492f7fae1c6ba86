import { ByteReader } from '../../base/byte-reader.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { OpusTrackConfig } from '../media/track.ts';

/** An identification header (RFC 7845 §5.1). */
export interface OpusIdentificationHeader {
  readonly channels: number;
  /** Samples at 48 kHz to leave out at the beginning. */
  readonly preSkipSamples: number;
  /** Of what was encoded, in Hz; 0 where it is not known. A decoder's output has 48 kHz. */
  readonly inputSampleRate: number;
  /** 0: one stream, mono or stereo. Others have a table that says which channel is in which stream. */
  readonly mappingFamily: number;
}

const magic = 'OpusHead';
/** Opus decodes to this rate, whatever was encoded (RFC 6716 §2). */
const decodedSampleRate = 48_000;

/** Throws `ProtocolError` for another magic or version, for no channels, and for what ends early. */
function parseOpusIdentificationHeader(bytes: Uint8Array): OpusIdentificationHeader {
  const reader = new ByteReader(bytes, 'Opus identification header');
  if (String.fromCharCode(...reader.bytes(magic.length)) !== magic)
    throw headerError('it does not begin with OpusHead', 0);
  const version = reader.uint8();
  // The upper four bits are those that break compatibility.
  if (version >> 4 !== 0) throw headerError(`version ${version}`, 8);
  const channels = reader.uint8();
  const little = () => reader.uint8() | (reader.uint8() << 8);
  const preSkipSamples = little();
  const inputSampleRate = little() + little() * 65_536;
  reader.skip(2); // output gain
  const mappingFamily = reader.uint8();
  if (channels === 0 || (mappingFamily === 0 && channels > 2)) {
    throw headerError(`${channels} channels in mapping family ${mappingFamily}`, 9);
  }
  if (mappingFamily !== 0) reader.skip(2 + channels); // stream counts and the mapping
  return { channels, preSkipSamples, inputSampleRate, mappingFamily };
}

/** What holds when a stream begins without a header: stereo, to which mono decodes as well. */
const defaultHeader: Uint8Array = Uint8Array.of(
  ...new TextEncoder().encode(magic),
  1, // version
  2, // channels
  0, // pre-skip, and the sample rate of 48,000 Hz
  0,
  0x80,
  0xbb,
  0,
  0,
  0, // output gain, mapping family
  0,
  0,
);

/**
 * The track of an Opus stream with this identification header, which is copied. It may be empty (Enhanced RTMP v2,
 * "Enhanced Audio"): stereo then. Throws as `parseOpusIdentificationHeader`.
 */
export function opusTrackConfig(header: Uint8Array, trackId = 0): OpusTrackConfig {
  const description = header.length === 0 ? defaultHeader : header.slice();
  return {
    kind: 'audio',
    codec: 'opus',
    trackId,
    codecString: 'Opus',
    description,
    sampleRate: decodedSampleRate,
    channels: parseOpusIdentificationHeader(description).channels,
    samplesPerFrame: undefined,
  };
}

function headerError(sentence: string, byteOffset: number): ProtocolError {
  return new ProtocolError('OPUS_HEADER', `Opus identification header: ${sentence}`, {
    byteOffset,
    section: 'RFC 7845 §5.1',
  });
}
