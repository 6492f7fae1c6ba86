import { run } from './ffmpeg.ts';

/** A packet as ffprobe sees it in a file. */
export interface ProbedPacket {
  readonly kind: 'video' | 'audio';
  readonly decodeMs: number;
  readonly presentationMs: number;
  readonly keyframe: boolean;
  readonly md5: string;
}

/** The same with what only some containers have. */
export interface PlacedPacket extends ProbedPacket {
  /** Among the streams of the file. */
  readonly stream: number;
  /** The edit list does not show it. */
  readonly hidden: boolean;
  /** To six decimals of a second. */
  readonly exactDecodeMs: number;
  readonly exactPresentationMs: number;
  readonly durationMs: number;
}

/** What ffprobe says of a file: every packet of its first tracks in file order. */
export async function probedPackets(path: string): Promise<ProbedPacket[]> {
  return (await packetFields(path)).map(probed);
}

/** Every packet of all of its tracks. */
export async function placedPackets(path: string): Promise<PlacedPacket[]> {
  return (await packetFields(path)).map((packet) => ({
    ...probed(packet),
    stream: Number(packet['stream_index']),
    hidden: packet['flags']?.includes('D') ?? false,
    exactDecodeMs: Number(packet['dts_time']) * 1_000,
    exactPresentationMs: Number(packet['pts_time']) * 1_000,
    durationMs: Number(packet['duration_time'] ?? 0) * 1_000,
  }));
}

async function packetFields(path: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const entries = 'packet=codec_type,stream_index,pts_time,dts_time,duration_time,flags,data_hash';
  const options = ['-v', 'error', '-show_packets', '-show_data_hash', 'MD5', '-show_entries', entries, '-of', 'json'];
  const { code, standardOutput, standardError } = await run('ffprobe', [...options, path]);
  if (code !== 0) throw new Error(`ffprobe could not read ${path}:\n${standardError}`);
  return (JSON.parse(standardOutput) as { readonly packets: readonly Record<string, string>[] }).packets;
}

function probed(packet: Readonly<Record<string, string>>): ProbedPacket {
  return {
    kind: packet['codec_type'] === 'video' ? 'video' : 'audio',
    decodeMs: Math.round(Number(packet['dts_time']) * 1_000),
    presentationMs: Math.round(Number(packet['pts_time']) * 1_000),
    keyframe: packet['flags']?.startsWith('K') ?? false,
    md5: packet['data_hash']?.replace('MD5:', '') ?? '',
  };
}
