import { ProtocolError } from '../../base/errors.ts';
import { mp3TrackConfig } from '../mp3/frame-header.ts';
import { longestMp3FrameBytes, type Mp3FrameShape, mp3FrameHeaderBytes, mp3FrameShape } from '../mp3/frame-shape.ts';
import { ReadWindow } from '../media/read-window.ts';
import type { Reading } from '../media/stored-media.ts';
import { beforeTrailingTags, behindLeadingTags } from './file-tags.ts';
import { findFrame, type FoundFrame, frameAt } from './frame-walk.ts';
import { type FramePlaces, frameOfOffset, type Mp3Index } from './mp3-index.ts';
import { type VbrHeader, vbrHeaderOf } from './vbr-header.ts';

const windowBytes = 16_384;
const maxReadBytes = 8_388_608;

/** Between the tags and the first frame. */
const maxLeadingBytes = 1_048_576;

/** A file that does not say how long it is is looked at in so many places, so many frames each. */
const samples = { places: 8, frames: 32 } as const;

/** The shortest frame that there is: MPEG-2.5 at 8 kbit/s and 12 kHz. */
const shortestFrameBytes = 48;
/** What a header says of the length and the file itself may differ by this: tags were added, or the end is missing. */
const lengthTolerance = 0.02;

/**
 * Reads of an MP3 file what has to be known before any of it can be played: tags at both ends, the first frame, what it
 * says of the whole (`Xing`, `Info`, `VBRI`, LAME's delay), and frames here and there where it says nothing. Throws
 * `ProtocolError` for what is no MP3 or of a free bit rate, `LimitError` for what is beyond our bounds.
 */
export function* readMp3Index(lengthBytes: number): Reading<Mp3Index> {
  const window = new ReadWindow({ lengthBytes, windowBytes, maxBytes: maxReadBytes, what: 'opening an MP3 file' });
  const tagsEnd = yield* behindLeadingTags(window);
  if (mp3FrameShape(yield* window.at(tagsEnd, mp3FrameHeaderBytes)) === 'free') throw freeBitRate(tagsEnd);
  const first = yield* findFrame(window, tagsEnd, Math.min(lengthBytes, tagsEnd + maxLeadingBytes));
  if (first === undefined) throw noFrames(tagsEnd);
  const header = vbrHeaderOf((yield* window.at(first.at, first.shape.frameBytes)).slice(), first.shape);
  const sound = header === undefined ? first : yield* soundBehind(window, first);
  const { at: soundAt, shape } = sound;
  const config = mp3TrackConfig(yield* window.at(soundAt, shape.frameBytes));
  const soundEnd = yield* beforeTrailingTags(window, soundAt);
  const extent = { window, shape, headerAt: first.at, soundAt, soundEnd };
  const told = header && placesTold(extent, header);
  const places = told?.places ?? (yield* placesSampled(extent));
  const frames = Math.round(frameOfOffset(places, soundEnd));
  // What the encoder has added is not heard; of a file whose end is missing neither is what it has added there.
  const { delaySamples = 0, paddingSamples = 0 } = header ?? {};
  const addedSamples = delaySamples + (told?.isWhole === true ? paddingSamples : 0);
  const soundSamples = Math.max(0, frames * shape.samplesPerFrame - addedSamples);
  const durationMs = Math.round((soundSamples * 1_000) / shape.sampleRate);
  return { lengthBytes, durationMs, soundAt, soundEnd, config, places };
}

/** The frame that says something of the whole may have another bit rate than those that follow. */
function* soundBehind(window: ReadWindow, { at, shape }: FoundFrame): Reading<FoundFrame> {
  const soundAt = at + shape.frameBytes;
  const found = yield* findFrame(window, soundAt, Math.min(window.lengthBytes, soundAt + maxLeadingBytes));
  if (found === undefined) throw noFrames(soundAt);
  return found;
}

interface Sound {
  readonly window: ReadWindow;
  /** Of the first frame of sound. */
  readonly shape: Mp3FrameShape;
  readonly headerAt: number;
  readonly soundAt: number;
  readonly soundEnd: number;
}

/** As the first frame says it, where that fits the file. */
function placesTold(
  { shape, headerAt, soundAt, soundEnd }: Sound,
  { frames, bytes, points }: VbrHeader,
): { readonly places: FramePlaces; readonly isWhole: boolean } | undefined {
  const fileBytes = soundEnd - headerAt;
  const toldBytes = bytes ?? fileBytes;
  if (frames === undefined || frames === 0 || toldBytes < fileBytes * (1 - lengthTolerance)) return undefined;
  const frameBytes = toldBytes / frames;
  if (frameBytes < shortestFrameBytes / 2 || frameBytes > 2 * longestMp3FrameBytes) return undefined;
  const isWhole = toldBytes <= fileBytes * (1 + lengthTolerance) + shape.frameBytes;
  const toldEnd = isWhole ? soundEnd : headerAt + toldBytes;
  const constantEnd = soundAt + frames * bytesPerFrame(shape);
  if (Math.abs(constantEnd - toldEnd) <= 2 * shape.frameBytes) {
    return { places: constantPlaces(shape, soundAt, constantEnd), isWhole };
  }
  const shares = points.length > 0 ? points : [0];
  const offsets = [...shares.map((share) => Math.max(soundAt, headerAt + share * toldBytes)), toldEnd];
  const numbers = [...shares.map((_, index) => (index * frames) / shares.length), frames];
  return { places: { frames: Float64Array.from(numbers), offsets: Float64Array.from(offsets) }, isWhole };
}

/** By the bit rates of frames here and there: exact where they are all the same. */
function* placesSampled({ window, shape: first, soundAt, soundEnd }: Sound): Reading<FramePlaces> {
  let [bytes, count, isConstant] = [0, 0, true];
  for (let place = 0; place < samples.places; place++) {
    const from = soundAt + Math.floor(((soundEnd - soundAt) * place) / samples.places);
    const limit = Math.min(soundEnd, from + windowBytes);
    let frame = yield* findFrame(window, from, limit, first);
    for (let index = 0; index < samples.frames && frame !== undefined; index++) {
      const { shape, at }: FoundFrame = frame;
      bytes += bytesPerFrame(shape);
      count++;
      isConstant &&= shape.kilobitsPerSecond === first.kilobitsPerSecond;
      frame = at + shape.frameBytes < soundEnd ? yield* frameAt(window, at + shape.frameBytes, first) : undefined;
    }
  }
  if (isConstant || count === 0) return constantPlaces(first, soundAt, soundEnd);
  const frames = ((soundEnd - soundAt) * count) / bytes;
  return { frames: Float64Array.of(0, frames), offsets: Float64Array.of(soundAt, soundEnd) };
}

function constantPlaces(shape: Mp3FrameShape, from: number, to: number): FramePlaces {
  return { frames: Float64Array.of(0, (to - from) / bytesPerFrame(shape)), offsets: Float64Array.of(from, to) };
}

/** On average: padding makes it true over many frames. */
function bytesPerFrame({ samplesPerFrame, kilobitsPerSecond, sampleRate }: Mp3FrameShape): number {
  return (samplesPerFrame * kilobitsPerSecond * 125) / sampleRate;
}

function freeBitRate(byteOffset: number): ProtocolError {
  const sentence = 'MP3 of a free bit rate, whose frames do not say how long they are,';
  const remedy = 'convert it to a bit rate of the standard';
  return new ProtocolError('MP3_FREE_FORMAT', sentence, { byteOffset, section: 'ISO/IEC 11172-3 §2.4.2.3', remedy });
}

function noFrames(byteOffset: number): ProtocolError {
  const where = { byteOffset, section: 'ISO/IEC 11172-3 §2.4.1.3', remedy: 'store the file again, or convert it' };
  return new ProtocolError('MP3_EMPTY', 'no frames of MP3 (layer III) follow', where);
}
