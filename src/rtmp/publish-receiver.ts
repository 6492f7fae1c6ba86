import { ProtocolError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { propertiesOf } from '../formats/amf0/value.ts';
import { type FlvTrackEvent, FlvTrackReader } from '../formats/flv/track-reader.ts';
import { metadataName } from '../formats/media/data-message.ts';
import { splitAggregate } from '../formats/rtmp/aggregate.ts';
import { decodeDataMessage } from '../formats/rtmp/data-message.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { clientName } from './connect-command.ts';
import type { PublicationSink } from './publish-gate.ts';

/** Names that mean the connection and not the stream: `|RtmpSampleAccess`, `@clearDataFrame`. */
const aboutConnection = /^[@|]/;

/**
 * Turns the messages of one publication into track configurations, access units and data messages. What Enhanced RTMP
 * brings is taken whether or not the encoder has announced it: OBS announces nothing. Throws `ProtocolError` for what
 * cannot be read and for a codec that is not carried, in words that tell the person at the encoder what to set.
 */
export class PublishReceiver {
  readonly #sink: PublicationSink;
  readonly #log: Log;
  readonly #tracks = new FlvTrackReader();
  readonly #warned = new Set<string>();
  #videoFrames = 0;
  #audioFrames = 0;

  /** `log` carries the stream already. */
  constructor(sink: PublicationSink, log: Log) {
    this.#sink = sink;
    this.#log = log;
  }

  /** Of all tracks. */
  get videoFrames(): number {
    return this.#videoFrames;
  }

  /** Of all tracks. */
  get audioFrames(): number {
    return this.#audioFrames;
  }

  /** A message of type audio, video or aggregate. */
  receiveMedia(message: RtmpMessage): void {
    const { typeId, payload, timestampMs } = message;
    if (typeId === messageType.video) this.#receiveEvents(this.#tracks.readVideo(payload, timestampMs));
    else if (typeId === messageType.audio) this.#receiveEvents(this.#tracks.readAudio(payload, timestampMs));
    else {
      for (const part of splitAggregate(message)) {
        if (part.payload.length === 0) continue;
        if (part.typeId === messageType.video || part.typeId === messageType.audio) this.receiveMedia(part);
        else this.receiveData(part);
      }
    }
  }

  /** A data message: handed on as it is; the metadata also names the encoder. */
  receiveData(message: RtmpMessage): void {
    const { name, args } = decodeDataMessage(message);
    if (aboutConnection.test(name)) return;
    if (name === metadataName) {
      const encoder = propertiesOf(args[0])?.get('encoder');
      if (typeof encoder === 'string' && encoder !== '') this.#sink.nameEncoder(clientName(encoder));
    }
    this.#sink.pushData({ name, values: args, timestampMs: message.timestampMs });
  }

  #receiveEvents(events: readonly FlvTrackEvent[]): void {
    for (const event of events) {
      switch (event.kind) {
        case 'config':
          this.#sink.setTrackConfig(event.config);
          break;
        case 'unit':
          if (event.unit.kind === 'video') this.#videoFrames++;
          else this.#audioFrames++;
          this.#sink.push(event.unit);
          break;
        case 'color-info':
          this.#sink.setColorInfo(event.trackId, event.colorInfo);
          break;
        case 'unsupported':
          this.#refuseCodec(event);
          break;
        case 'dropped':
          this.#warnOnce(droppedSentence(event));
          break;
      }
    }
  }

  /** Without its first track nothing of the stream is of use; a further one can be done without. */
  #refuseCodec({ media, trackId, codec }: Extract<FlvTrackEvent, { kind: 'unsupported' }>): void {
    if (trackId !== 0) {
      this.#warnOnce(`The encoder sends ${media} track ${trackId} in a codec that is not taken: left out`);
      return;
    }
    throw new ProtocolError(
      'RTMP_CODEC_UNSUPPORTED',
      media === 'video'
        ? `${codec} video is not taken, but H.264, HEVC, AV1, VP9 and VP8 are: in OBS choose an H.264 (x264, NVENC H.264, …) encoder under Settings, Output, Streaming; with ffmpeg use -c:v libx264`
        : `${codec} audio is not taken, but AAC, MP3, Opus, FLAC, AC-3 and E-AC-3 are: in OBS choose AAC under Settings, Output, Audio Encoder; with ffmpeg use -c:a aac`,
    );
  }

  /** There are at most as many sentences as there are tracks and reasons. */
  #warnOnce(sentence: string): void {
    if (this.#warned.has(sentence)) return;
    this.#warned.add(sentence);
    this.#log.warn({}, sentence);
  }
}

function droppedSentence({ media, trackId, reason }: Extract<FlvTrackEvent, { kind: 'dropped' }>): string {
  const track = trackId === 0 ? media : `${media} track ${trackId}`;
  return reason === 'unconfigured'
    ? `The encoder sends ${track} before its sequence header: dropped until it comes`
    : `The encoder sends too many ${media} tracks: track ${trackId} is left out`;
}
