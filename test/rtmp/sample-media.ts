import { aacTrackConfig } from '../../src/formats/aac/audio-specific-config.ts';
import { avcTrackConfig } from '../../src/formats/avc/decoder-configuration.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { PublishItem } from '../../src/rtmp/rtmp-publisher.ts';

/** 320 × 180, 25 frames a second, as x264 writes it. */
export const avc = avcTrackConfig(
  Buffer.from('0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800', 'hex'),
);

/** 48 kHz, mono. */
export const aac = aacTrackConfig(Buffer.from('118856e500', 'hex'));

/** One IDR or non-IDR slice whose payload says which it is: nobody decodes it. */
export function videoUnit(number: number, timestampMs = number * 40, bytes = 200): AccessUnit {
  const data = new Uint8Array(bytes);
  const view = new DataView(data.buffer);
  const keyframe = number % 25 === 0;
  view.setUint32(0, bytes - 4);
  view.setUint8(4, keyframe ? 0x65 : 0x41);
  view.setUint32(5, number);
  return { kind: 'video', trackId: 0, timestampMs: timestampMs >>> 0, keyframe, compositionOffsetMs: 40, data };
}

export function audioUnit(number: number, timestampMs = number * 40): AccessUnit {
  const data = new Uint8Array(60);
  new DataView(data.buffer).setUint32(0, number);
  return { kind: 'audio', trackId: 0, timestampMs: timestampMs >>> 0, data };
}

/** Video and audio without end, 25 of each in a second of their own time. `sent` is what has been asked for so far. */
export function endlessMedia(): { readonly source: AsyncIterable<PublishItem>; readonly sent: AccessUnit[] } {
  const sent: AccessUnit[] = [];
  async function* generate(): AsyncGenerator<PublishItem, void, undefined> {
    yield { kind: 'config', config: avc };
    yield { kind: 'config', config: aac };
    for (let number = 0; ; number++) {
      for (const unit of [videoUnit(number), audioUnit(number)]) {
        sent.push(unit);
        yield { kind: 'unit', unit };
      }
    }
  }
  return { source: generate(), sent };
}

export async function* finiteMedia(frames: number): AsyncGenerator<PublishItem, void, undefined> {
  yield { kind: 'config', config: avc };
  yield { kind: 'config', config: aac };
  for (let number = 0; number < frames; number++) {
    yield { kind: 'unit', unit: videoUnit(number) };
    yield { kind: 'unit', unit: audioUnit(number) };
  }
}
