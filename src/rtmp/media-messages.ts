import { encodeAudioTag } from '../formats/flv/audio-tag.ts';
import { encodeVideoTag } from '../formats/flv/video-tag.ts';
import type { AccessUnit } from '../formats/media/access-unit.ts';
import type { ColorInfo } from '../formats/media/color-info.ts';
import { type DataMessage, metadataName } from '../formats/media/data-message.ts';
import type { AudioCodec, TrackConfig, VideoCodec } from '../formats/media/track.ts';
import { encodeDataMessage } from '../formats/rtmp/data-message.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';

const nothing = new Uint8Array(0);

/** Writes what a publisher sends on one message stream. Knows the codec of each track from its configuration. */
export class MediaMessages {
  readonly #messageStreamId: number;
  readonly #videoCodecs = new Map<number, VideoCodec>();
  readonly #audioCodecs = new Map<number, AudioCodec>();

  constructor(messageStreamId: number) {
    this.#messageStreamId = messageStreamId;
  }

  /** The sequence header; `undefined` for a codec that has none. */
  config(config: TrackConfig, timestampMs: number): RtmpMessage | undefined {
    const { trackId } = config;
    if (config.kind === 'video') {
      const { codec, description } = config;
      this.#videoCodecs.set(trackId, codec);
      return this.#message(
        'video',
        timestampMs,
        encodeVideoTag({ kind: 'sequence-header', codec, trackId, description }),
      );
    }
    const { codec, description } = config;
    this.#audioCodecs.set(trackId, codec);
    if (description === undefined) return undefined;
    return this.#message(
      'audio',
      timestampMs,
      encodeAudioTag({ kind: 'sequence-header', codec, trackId, description }),
    );
  }

  /** What comes before the data of the unit; `undefined` for a track without a configuration. */
  beforeUnit(unit: AccessUnit): RtmpMessage | undefined {
    const { trackId, timestampMs } = unit;
    if (unit.kind === 'video') {
      const codec = this.#videoCodecs.get(trackId);
      if (codec === undefined) return undefined;
      const { keyframe, compositionOffsetMs } = unit;
      const tag = encodeVideoTag({ kind: 'frame', codec, trackId, keyframe, compositionOffsetMs, data: nothing });
      return this.#message('video', timestampMs, tag);
    }
    const codec = this.#audioCodecs.get(trackId);
    if (codec === undefined) return undefined;
    return this.#message('audio', timestampMs, encodeAudioTag({ kind: 'frame', codec, trackId, data: nothing }));
  }

  /** `undefined` for a track without a configuration. */
  colorInfo(trackId: number, colorInfo: ColorInfo | undefined, timestampMs: number): RtmpMessage | undefined {
    const codec = this.#videoCodecs.get(trackId);
    if (codec === undefined) return undefined;
    return this.#message('video', timestampMs, encodeVideoTag({ kind: 'color-info', codec, trackId, colorInfo }));
  }

  /** Metadata goes out with `@setDataFrame`: the server keeps it for whoever comes later. */
  data({ name, values, timestampMs }: DataMessage): RtmpMessage {
    const isMetadata = name === metadataName;
    return encodeDataMessage(
      isMetadata ? { name: '@setDataFrame', args: [name, ...values] } : { name, args: values },
      this.#messageStreamId,
      timestampMs,
    );
  }

  #message(kind: 'video' | 'audio', timestampMs: number, payload: Uint8Array): RtmpMessage {
    return { typeId: messageType[kind], messageStreamId: this.#messageStreamId, timestampMs, payload };
  }
}
