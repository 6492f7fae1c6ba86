import { run } from './ffmpeg.ts';

/** A packet as ffprobe sees it in a file. */
export interface ProbedPacket {
  readonly kind: 'video' | 'audio';
  readonly decodeMs: number;
  readonly presentationMs: number;
  readonly keyframe: boolean;
  readonly md5: string;
}

/** What ffprobe says of a file: every packet of its first tracks in file order. */
export async function probedPackets(path: string): Promise<ProbedPacket[]> {
  const entries = 'packet=codec_type,pts_time,dts_time,flags,data_hash';
  const options = ['-v', 'error', '-show_packets', '-show_data_hash', 'MD5', '-show_entries', entries, '-of', 'json'];
  const { code, standardOutput, standardError } = await run('ffprobe', [...options, path]);
  if (code !== 0) throw new Error(`ffprobe could not read ${path}:\n${standardError}`);
  const { packets } = JSON.parse(standardOutput) as { readonly packets: readonly Record<string, string>[] };
  return packets.map((packet) => ({
    kind: packet['codec_type'] === 'video' ? 'video' : 'audio',
    decodeMs: Math.round(Number(packet['dts_time']) * 1_000),
    presentationMs: Math.round(Number(packet['pts_time']) * 1_000),
    keyframe: packet['flags']?.startsWith('K') ?? false,
    md5: packet['data_hash']?.replace('MD5:', '') ?? '',
  }));
}
