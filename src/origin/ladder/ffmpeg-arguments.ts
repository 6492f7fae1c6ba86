import type { FeedFormat } from './feed-format.ts';
import type { Encoder, FfmpegSettings } from './ladder-settings.ts';
import type { PlannedRendition } from './rendition-plan.ts';

/** The descriptor of the first rendition's output; the others follow. */
export const firstOutputDescriptor = 3;

/**
 * A keyframe interval that no source reaches (18 minutes at 60 pictures a second), so that keyframes come where the source
 * has them and nowhere else; some hardware counts in 16 bits.
 */
const neverByItself = '65000';
/** Of larger pictures several have to be decoded at once, though each thread holds one back. */
const largePixels = 1_920 * 1_088;

const quietly = ['-hide_banner', '-nostdin', '-nostats', '-loglevel'];

export interface FfmpegVersion {
  readonly major: number;
  readonly minor: number;
}

function isAtLeast({ major, minor }: FfmpegVersion, leastMajor: number, leastMinor: number): boolean {
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

export interface LadderCommand {
  readonly renditions: readonly PlannedRendition[];
  readonly encoder: Encoder;
  readonly settings: Pick<FfmpegSettings, 'preset' | 'device'>;
  readonly source: { readonly width: number; readonly height: number };
  readonly format: FeedFormat['name'];
  readonly version: FfmpegVersion;
}

/**
 * The arguments of the one ffmpeg that makes all renditions of a stream: pictures come in on its standard input, FLV with
 * the same timestamps goes out on descriptors 3, 4 and so on. Pictures are neither repeated nor moved, none is a B-frame,
 * and exactly those are keyframes that are some in the source.
 */
export function ladderArguments({ renditions, encoder, settings, source, format, version }: LadderCommand): string[] {
  const { device, options, pixels } = encoderOptions(encoder, settings);
  const splits = renditions.map((_, index) => `[s${index}]`).join('');
  const untouchedTimes = isAtLeast(version, 5, 1) ? '-fps_mode' : '-vsync';
  const filters = [
    `[0:v:0]split=${renditions.length}${splits}`,
    ...renditions.map((rendition, index) => `[s${index}]${filterChain(rendition, pixels)}[v${index}]`),
  ];
  // Whole seconds would go by before the first picture if it looked for what it is told.
  const input = ['-copyts', '-probesize', '32', '-analyzeduration', '0'];
  if (source.width * source.height <= largePixels) input.push('-thread_type', 'slice');
  input.push('-f', format, '-i', 'pipe:0');
  // Timestamps in the time base of the input, instead of one that is a picture long: none is rounded.
  const timestamps = [untouchedTimes, 'passthrough', '-enc_time_base', '-1'];
  const keyframes = ['-bf', '0', '-g', neverByItself, '-force_key_frames', 'source'];
  const container = ['-flush_packets', '1', '-flvflags', 'no_duration_filesize', '-f', 'flv'];
  const outputs = renditions.flatMap(({ bitsPerSecond }, index) => {
    const encoding = ['-map', `[v${index}]`, '-c:v', encoder, ...options, ...rateOptions(encoder, bitsPerSecond)];
    return [...encoding, ...keyframes, ...timestamps, ...container, `pipe:${firstOutputDescriptor + index}`];
  });
  return [...quietly, 'level+warning', ...device, ...input, '-filter_complex', filters.join(';'), ...outputs];
}

/** The arguments that encode a single picture, to see whether the encoder works here. */
export function probeArguments(encoder: Encoder, settings: LadderCommand['settings']): string[] {
  const { device, options, pixels } = encoderOptions(encoder, settings);
  const input = ['-f', 'lavfi', '-i', 'color=size=640x360:rate=30', '-vf', pixels, '-frames:v', '1'];
  const encoding = ['-c:v', encoder, ...options, ...rateOptions(encoder, 1_000_000), '-bf', '0'];
  return [...quietly, 'level+error', ...device, ...input, ...encoding, '-f', 'null', '-'];
}

/** `select` and not `fps`, which would give pictures other timestamps, and leave keyframes out. */
function filterChain({ width, height, framesPerSecond }: PlannedRendition, pixels: string): string {
  const select =
    framesPerSecond === undefined
      ? ''
      : `select=key+isnan(prev_selected_t)+gte(t-prev_selected_t\\,${(1 / framesPerSecond - 0.002).toFixed(5)}),`;
  return `${select}scale=${width}:${height}:flags=bicubic,setsar=1,${pixels}`;
}

interface EncoderOptions {
  /** Before the input. */
  readonly device: readonly string[];
  readonly options: readonly string[];
  /** The end of the filters: what the encoder takes. */
  readonly pixels: string;
}

/** Without delay: what an encoder holds back to look ahead is what viewers of the rendition see later. */
function encoderOptions(encoder: Encoder, { preset, device }: LadderCommand['settings']): EncoderOptions {
  switch (encoder) {
    case 'libx264': {
      const options = ['-preset', preset, '-tune', 'zerolatency', '-sc_threshold', '0', '-forced-idr', '1'];
      return { device: [], options, pixels: 'format=yuv420p' };
    }
    case 'h264_nvenc': {
      const options = ['-preset', 'p4', '-tune', 'll', '-zerolatency', '1', '-delay', '0', '-no-scenecut', '1'];
      options.push('-forced-idr', '1');
      return { device: [], options, pixels: 'format=yuv420p' };
    }
    case 'h264_qsv':
      return { device: [], options: ['-async_depth', '1', '-forced_idr', '1'], pixels: 'format=nv12' };
    case 'h264_vaapi':
      return { device: ['-vaapi_device', device], options: ['-async_depth', '1'], pixels: 'format=nv12,hwupload' };
    case 'h264_videotoolbox':
      return { device: [], options: ['-realtime', '1'], pixels: 'format=nv12' };
    case 'h264_v4l2m2m':
      return { device: [], options: [], pixels: 'format=yuv420p' };
  }
}

/** `libx264` spends what the picture needs and no more than it may; hardware aims at what it may spend. */
function rateOptions(encoder: Encoder, bitsPerSecond: number): string[] {
  const limits = ['-maxrate', String(bitsPerSecond), '-bufsize', String(bitsPerSecond * 2)];
  switch (encoder) {
    case 'libx264':
      return ['-crf', '22', ...limits];
    case 'h264_v4l2m2m':
    case 'h264_videotoolbox':
      return ['-b:v', String(bitsPerSecond)];
    default:
      return ['-b:v', String(bitsPerSecond), ...limits];
  }
}
