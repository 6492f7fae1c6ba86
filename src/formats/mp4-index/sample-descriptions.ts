import { LimitError, ProtocolError } from '../../base/errors.ts';
import { audioSampleDescription } from './audio-sample-description.ts';
import { type Box, boxError, boxField, childBoxes } from './box.ts';
import { maxSampleDescriptions } from './limits.ts';
import type { SampleDescription } from './sample-description.ts';
import { videoSampleDescription } from './video-sample-description.ts';

/** An entry of `stsd`. */
export interface SampleEntry {
  readonly format: string;
  /** Which entry of `dref` says where the media is, from 1. */
  readonly dataReference: number;
  /** `undefined` for what we do not carry. */
  readonly description: SampleDescription | undefined;
}

/**
 * Reads a `stsd` box (ISO/IEC 14496-12 §8.5.2), in the forms of ISO and QuickTime. Throws `ProtocolError` for what is
 * damaged, `LimitError` for too many.
 */
export function readSampleDescriptions(stsd: Box, handler: 'vide' | 'soun'): readonly SampleEntry[] {
  const version = boxField(stsd, 0) >>> 24;
  const count = boxField(stsd, 4);
  if (count > maxSampleDescriptions) {
    throw new LimitError('MP4_TOO_MANY_DESCRIPTIONS', `sample descriptions of ${stsd.path}`, {
      limit: maxSampleDescriptions,
      value: count,
    });
  }
  const entries: SampleEntry[] = [];
  for (const entry of childBoxes(stsd, 8)) {
    if (entries.length === count) break;
    const description = inPlace(entry, () =>
      handler === 'vide' ? videoSampleDescription(entry) : audioSampleDescription(entry, version === 0),
    );
    const dataReference = ((entry.body[6] ?? 0) << 8) | (entry.body[7] ?? 0);
    entries.push({ format: entry.type, dataReference, description: description && placed(entry, description) });
  }
  if (entries.length < count) throw boxError(stsd, `announces ${count} entries and has ${entries.length}`, 4);
  return entries;
}

function placed(entry: Box, description: SampleDescription): SampleDescription {
  return { ...description, configure: (...given) => inPlace(entry, () => description.configure(...given)) };
}

/** Says where the record stands that cannot be read. */
function inPlace<Value>(entry: Box, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code.startsWith('MP4_')) throw error;
    throw new ProtocolError('MP4_SAMPLE_DESCRIPTION', `${entry.path} cannot be played: ${error.message}`, {
      byteOffset: entry.bodyOffset,
      cause: error,
    });
  }
}
