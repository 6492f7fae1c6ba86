import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input } from 'mediabunny';
import { eachOnce } from './each-once.ts';
import { run } from './ffmpeg.ts';

/** What ffprobe says of a stream, as far as tests ask. */
export interface ProbedStream {
  readonly codec_name: string;
  readonly profile?: string;
  readonly level?: number;
  readonly width?: number;
  readonly height?: number;
  readonly sample_aspect_ratio?: string;
  readonly avg_frame_rate: string;
  readonly sample_rate?: string;
  readonly channels?: number;
  readonly bits_per_raw_sample?: string;
}

/** A track that ffmpeg has encoded, taken out of its file by an independent demuxer. */
export interface EncodedTrack {
  readonly probed: ProbedStream;
  /** As mediabunny derives it from the bitstream or its configuration. */
  readonly codecString: string;
  /** As mediabunny hands it to a decoder; `undefined` where it has none. */
  readonly description: Uint8Array | undefined;
  /** In decode order. */
  readonly packets: readonly {
    readonly data: Uint8Array;
    readonly keyframe: boolean;
    readonly presentationSeconds: number;
    readonly durationSeconds: number;
  }[];
  /** The body of a box of the file, such as `hvcC`; `undefined` where there is none. */
  readonly box: (type: string) => Uint8Array | undefined;
}

/**
 * Encodes `source` (of lavfi) with the options of ffmpeg into a file with this ending, and reads that; once, whoever asks
 * for it.
 */
export const encodeTrack = eachOnce(encodeTrackAnew);

async function encodeTrackAnew(source: string, options: string, ending: string): Promise<EncodedTrack> {
  const folder = await mkdtemp(join(tmpdir(), 'streamfront-track-'));
  try {
    const path = join(folder, `track.${ending}`);
    const input = ['-nostdin', '-y', '-v', 'error', '-f', 'lavfi', '-i', source];
    const encoded = await run('ffmpeg', [...input, ...options.split(' '), path]);
    if (encoded.code !== 0) throw new Error(`ffmpeg could not encode ${options}:\n${encoded.standardError}`);
    const { standardOutput } = await run('ffprobe', ['-v', 'error', '-show_streams', '-of', 'json', path]);
    const [probed] = (JSON.parse(standardOutput) as { streams: ProbedStream[] }).streams;
    if (probed === undefined) throw new Error('ffmpeg wrote no stream');
    const file = await readFile(path);
    return { probed, ...(await demuxed(path)), box: (type) => boxBody(file, type) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function demuxed(path: string): Promise<Pick<EncodedTrack, 'codecString' | 'description' | 'packets'>> {
  const input = new Input({ source: new FilePathSource(path), formats: ALL_FORMATS });
  try {
    const track = (await input.getPrimaryVideoTrack()) ?? (await input.getPrimaryAudioTrack());
    // The type of its description is one of a browser.
    const config:
      | { readonly codec: string; readonly description?: ArrayBufferLike | ArrayBufferView }
      | null
      | undefined = await track?.getDecoderConfig();
    if (track === null || config === undefined || config === null) throw new Error(`mediabunny cannot read ${path}`);
    const packets: EncodedTrack['packets'][number][] = [];
    for await (const packet of new EncodedPacketSink(track).packets()) {
      packets.push({
        data: Uint8Array.from(packet.data),
        keyframe: packet.type === 'key',
        presentationSeconds: packet.timestamp,
        durationSeconds: packet.duration,
      });
    }
    return { codecString: config.codec, description: bytesOf(config.description), packets };
  } finally {
    input.dispose();
  }
}

function bytesOf(source: ArrayBufferLike | ArrayBufferView | undefined): Uint8Array | undefined {
  if (source === undefined) return undefined;
  if (!ArrayBuffer.isView(source)) return new Uint8Array(source);
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
}

/** Looks for the name: good enough for a file of a few frames. */
function boxBody(file: Buffer, type: string): Uint8Array | undefined {
  const at = file.indexOf(type, 0, 'latin1');
  if (at < 4) return undefined;
  return Uint8Array.from(file.subarray(at + 4, at - 4 + file.readUInt32BE(at - 4)));
}
