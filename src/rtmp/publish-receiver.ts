import { ProtocolError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { aacTrackConfig } from '../formats/aac/audio-specific-config.ts';
import { propertiesOf } from '../formats/amf0/value.ts';
import { avcTrackConfig } from '../formats/avc/decoder-configuration.ts';
import { parseAudioTag } from '../formats/flv/audio-tag.ts';
import { parseVideoTag } from '../formats/flv/video-tag.ts';
import { splitAggregate } from '../formats/rtmp/aggregate.ts';
import { decodeDataMessage } from '../formats/rtmp/data-message.ts';
import { messageType, type RtmpMessage } from '../formats/rtmp/message.ts';
import { clientName } from './connect-command.ts';
import type { PublicationSink } from './publish-gate.ts';

/** What people call a codec that comes as a FourCC. */
const codecNames: ReadonlyMap<string, string> = new Map([
  ['hvc1', 'HEVC (hvc1)'],
  ['av01', 'AV1 (av01)'],
  ['vp08', 'VP8 (vp08)'],
  ['vp09', 'VP9 (vp09)'],
  ['fLaC', 'FLAC (fLaC)'],
  ['ac-3', 'AC-3 (ac-3)'],
  ['ec-3', 'E-AC-3 (ec-3)'],
  ['.mp3', 'MP3 (.mp3)'],
]);

/** The enhanced form of what the first track sends in the old one: OBS writes further tracks so. */
const furtherTrackCodecs: ReadonlySet<string> = new Set(['avc1', 'mp4a']);

/**
 * Turns the messages of one publication into track configurations and access units. Throws `ProtocolError` for what
 * cannot be read and for a codec that is not carried, in words that tell the person at the encoder what to set.
 */
export class PublishReceiver {
  readonly #sink: PublicationSink;
  readonly #log: Log;
  readonly #warned = new Set<string>();
  readonly #configured = new Set<'video' | 'audio'>();
  #videoFrames = 0;
  #audioFrames = 0;

  /** `log` carries the stream already. */
  constructor(sink: PublicationSink, log: Log) {
    this.#sink = sink;
    this.#log = log;
  }

  get videoFrames(): number {
    return this.#videoFrames;
  }

  get audioFrames(): number {
    return this.#audioFrames;
  }

  /** A message of type audio, video or aggregate. */
  receiveMedia(message: RtmpMessage): void {
    if (message.typeId === messageType.video) this.#receiveVideo(message);
    else if (message.typeId === messageType.audio) this.#receiveAudio(message);
    else {
      for (const part of splitAggregate(message)) {
        if (part.payload.length === 0) continue;
        if (part.typeId === messageType.video || part.typeId === messageType.audio) this.receiveMedia(part);
        else this.receiveData(part);
      }
    }
  }

  /** A data message. Only `onMetaData` is of interest, for the name of the encoder: the rest is in the media itself. */
  receiveData(message: RtmpMessage): void {
    const { name, args } = decodeDataMessage(message);
    if (name !== 'onMetaData') return;
    const encoder = propertiesOf(args[0])?.get('encoder');
    if (typeof encoder === 'string' && encoder !== '') this.#sink.nameEncoder(clientName(encoder));
  }

  #receiveVideo(message: RtmpMessage): void {
    const tag = parseVideoTag(message.payload);
    switch (tag.kind) {
      case 'sequence-header':
        this.#sink.setTrackConfig(avcTrackConfig(tag.description));
        this.#configured.add('video');
        return;
      case 'frame': {
        if (!this.#isConfigured('video')) return;
        this.#videoFrames++;
        const { keyframe, compositionOffsetMs, data } = tag;
        this.#sink.push({
          kind: 'video',
          trackId: 0,
          timestampMs: message.timestampMs,
          keyframe,
          compositionOffsetMs,
          data,
        });
        return;
      }
      case 'unsupported':
        this.#refuseCodec('video', tag.codec);
        return;
      case 'end-of-sequence':
      case 'ignored':
        return;
    }
  }

  #receiveAudio(message: RtmpMessage): void {
    const tag = parseAudioTag(message.payload);
    switch (tag.kind) {
      case 'sequence-header':
        this.#sink.setTrackConfig(aacTrackConfig(tag.description));
        this.#configured.add('audio');
        return;
      case 'frame':
        if (!this.#isConfigured('audio')) return;
        this.#audioFrames++;
        this.#sink.push({ kind: 'audio', trackId: 0, timestampMs: message.timestampMs, data: tag.data });
        return;
      case 'unsupported':
        this.#refuseCodec('audio', tag.codec);
        return;
      case 'ignored':
        return;
    }
  }

  #isConfigured(kind: 'video' | 'audio'): boolean {
    if (this.#configured.has(kind)) return true;
    this.#warnOnce(`The encoder sends ${kind} before its sequence header: dropped until it comes`);
    return false;
  }

  #refuseCodec(kind: 'video' | 'audio', codec: string): void {
    if (furtherTrackCodecs.has(codec) && this.#configured.has(kind)) {
      this.#warnOnce(`The encoder sends more than one ${kind} track: only the first is taken`);
      return;
    }
    const name = codecNames.get(codec) ?? codec;
    throw new ProtocolError(
      'RTMP_CODEC_UNSUPPORTED',
      kind === 'video'
        ? `${name} video is not taken, only H.264 in its usual form: in OBS choose an H.264 (x264, NVENC H.264, …) encoder under Settings, Output, Streaming; with ffmpeg use -c:v libx264`
        : `${name} audio is not taken, only AAC in its usual form: in OBS choose AAC under Settings, Output, Audio Encoder; with ffmpeg use -c:a aac`,
    );
  }

  #warnOnce(sentence: string): void {
    if (this.#warned.has(sentence)) return;
    this.#warned.add(sentence);
    this.#log.warn({}, sentence);
  }
}
