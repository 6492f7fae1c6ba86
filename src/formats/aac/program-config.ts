import type { BitReader } from '../../base/bit-reader.ts';
import { ProtocolError } from '../../base/errors.ts';

/** What a stream whose configuration leaves its channels to the frames most likely has. */
const assumedChannels = 2;

/**
 * The channels that a program config element describes (ISO/IEC 14496-3 §4.4.1.1), read to its end. Two are assumed
 * when it is cut off or names none: the frames bring one of their own.
 */
export function programConfigChannels(reader: BitReader): number {
  try {
    const channels = readProgramConfig(reader);
    return channels === 0 ? assumedChannels : channels;
  } catch (error) {
    if (error instanceof ProtocolError) return assumedChannels;
    throw error;
  }
}

function readProgramConfig(reader: BitReader): number {
  reader.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const front = reader.bits(4);
  const side = reader.bits(4);
  const back = reader.bits(4);
  const lowFrequency = reader.bits(2);
  const associatedData = reader.bits(3);
  const couplingChannels = reader.bits(4);
  if (reader.flag()) reader.skip(4); // mono_mixdown_element_number
  if (reader.flag()) reader.skip(4); // stereo_mixdown_element_number
  if (reader.flag()) reader.skip(2 + 1); // matrix_mixdown_idx, pseudo_surround_enable
  let channels = lowFrequency;
  for (let i = 0; i < front + side + back; i++) {
    channels += reader.flag() ? 2 : 1; // is_cpe
    reader.skip(4);
  }
  reader.skip(lowFrequency * 4 + associatedData * 4 + couplingChannels * 5);
  // byte_alignment() counts from the start of the configuration, and so does the reader.
  reader.skip(reader.remainingBits % 8);
  reader.skip(reader.bits(8) * 8); // comment_field_data
  return channels;
}
