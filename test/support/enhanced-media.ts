import { messageType } from '../../src/formats/rtmp/message.ts';
import { type EncodedTrack, encodeTrack } from './encoded-tracks.ts';
import { audioPacket, enhancedPacket, videoPacket, withCompositionOffset } from './enhanced-packets.ts';

/** Gives each message when its timestamp has come, counted from now. */
export async function sendInTime(
  messages: readonly SentMessage[],
  send: (message: SentMessage) => void,
): Promise<void> {
  const startedMs = performance.now();
  for (const message of messages) {
    const leftMs = startedMs + message.timestampMs - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    send(message);
  }
}

/** One message of a publisher. */
export interface SentMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** A track as an encoder sends it over Enhanced RTMP: none of it is written by the program itself. */
export interface EnhancedMedia {
  readonly kind: 'video' | 'audio';
  readonly track: EncodedTrack;
  readonly messages: readonly SentMessage[];
}

/** How ffmpeg encodes a codec, into which file, and what of the file an encoder would send first. */
interface Recipe {
  readonly fourCc: string;
  readonly options: string;
  readonly ending: string;
  readonly record: (track: EncodedTrack) => Uint8Array | undefined;
}

const pictureRate = 25;
const pictureMs = 1_000 / pictureRate;
/** B-frames of B-frames: the first picture is shown two pictures after its decode time. */
const reorderMs = 2 * pictureMs;

const gop = '-g 25 -keyint_min 25';
const videoRecipes = {
  avc: {
    fourCc: 'avc1',
    options: `-c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p ${gop}`,
    ending: 'mp4',
    record: (track) => track.box('avcC'),
  },
  hevc: {
    fourCc: 'hvc1',
    options: `-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:bframes=2:keyint=25:min-keyint=25 -tag:v hvc1`,
    ending: 'mp4',
    record: (track) => track.box('hvcC'),
  },
  av1: {
    fourCc: 'av01',
    options: `-c:v libaom-av1 -cpu-used 8 -usage realtime -pix_fmt yuv420p ${gop}`,
    ending: 'mp4',
    record: (track) => track.box('av1C'),
  },
  vp9: {
    fourCc: 'vp09',
    options: `-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p ${gop}`,
    ending: 'mp4',
    record: (track) => track.box('vpcC')?.subarray(4),
  },
} satisfies Record<string, Recipe>;

const audioRecipes = {
  aac: { fourCc: 'mp4a', options: '-c:a aac -ac 2', ending: 'mp4', record: (track) => track.description },
  opus: { fourCc: 'Opus', options: '-c:a libopus -ac 2', ending: 'webm', record: (track) => track.description },
  flac: { fourCc: 'fLaC', options: '-c:a flac -strict -2', ending: 'mp4', record: (track) => track.description },
  ac3: { fourCc: 'ac-3', options: '-c:a ac3 -ac 6', ending: 'mp4', record: () => undefined },
  eac3: { fourCc: 'ec-3', options: '-c:a eac3 -ac 6', ending: 'mp4', record: () => undefined },
  mp3: { fourCc: '.mp3', options: '-c:a libmp3lame -ac 2', ending: 'mp4', record: () => undefined },
} satisfies Record<string, Recipe>;

export type EncodableVideo = keyof typeof videoRecipes;
export type EncodableAudio = keyof typeof audioRecipes;

/** Pictures of a source of lavfi, one each 40 ms from `fromMs` on; `extra` are further options of the encoder. */
export async function encodedVideo(
  codec: EncodableVideo,
  source: string,
  { fromMs = 0, extra = '' }: { readonly fromMs?: number; readonly extra?: string } = {},
): Promise<EnhancedMedia> {
  const { fourCc, options, ending, record } = videoRecipes[codec];
  const track = await encodeTrack(source, extra === '' ? options : `${options} ${extra}`, ending);
  return { kind: 'video', track, messages: videoMessages(fourCc, record(track) ?? new Uint8Array(0), track, fromMs) };
}

/** Frames every 40 ms; of reordered ones the composition offset counts from a decode time 80 ms earlier. */
export function videoMessages(
  fourCc: string,
  record: Uint8Array,
  { packets }: EncodedTrack,
  fromMs = 0,
): SentMessage[] {
  const message = (packetType: number, frameType: number, body: Uint8Array) =>
    enhancedPacket({ media: 'video', packetType, frameType, tracks: [{ fourCc, body }] });
  const hasOffset = fourCc === 'avc1' || fourCc === 'hvc1';
  const start = message(videoPacket.sequenceStart, 1, record);
  const frames = packets.map(({ data, keyframe }, index) => {
    const body = hasOffset ? withCompositionOffset(compositionOffsetMs(packets, index), data) : data;
    const payload = message(videoPacket.codedFrames, keyframe ? 1 : 2, body);
    return { typeId: messageType.video, timestampMs: fromMs + index * pictureMs, payload };
  });
  return [{ typeId: messageType.video, timestampMs: fromMs, payload: start }, ...frames];
}

/** Of the packet at this index. */
export function compositionOffsetMs(packets: EncodedTrack['packets'], index: number): number {
  return Math.round((packets[index]?.presentationSeconds ?? 0) * 1_000) + reorderMs - index * pictureMs;
}

/** Sound of a source of lavfi, in whole milliseconds from `fromMs` on. */
export async function encodedAudio(
  codec: EncodableAudio,
  source: string,
  { fromMs = 0 }: { readonly fromMs?: number } = {},
): Promise<EnhancedMedia> {
  const { fourCc, options, ending, record } = audioRecipes[codec];
  const track = await encodeTrack(source, options, ending);
  const message = (packetType: number, body: Uint8Array) =>
    enhancedPacket({ media: 'audio', packetType, tracks: [{ fourCc, body }] });
  const header = record(track);
  const typeId = messageType.audio;
  const start =
    header === undefined ? [] : [{ typeId, timestampMs: fromMs, payload: message(audioPacket.sequenceStart, header) }];
  const first = track.packets[0]?.presentationSeconds ?? 0;
  const frames = track.packets.map(({ data, presentationSeconds }) => ({
    typeId,
    timestampMs: fromMs + Math.round((presentationSeconds - first) * 1_000),
    payload: message(audioPacket.codedFrames, data),
  }));
  return { kind: 'audio', track, messages: [...start, ...frames] };
}

/** In the order in which an encoder sends them. */
export function sentTogether(...media: readonly EnhancedMedia[]): SentMessage[] {
  return media.flatMap(({ messages }) => messages).sort((a, b) => a.timestampMs - b.timestampMs);
}
