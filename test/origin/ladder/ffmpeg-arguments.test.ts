import { describe, expect, it } from 'vitest';
import { ladderArguments, probeArguments } from '../../../src/origin/ladder/ffmpeg-arguments.ts';
import { encoders } from '../../../src/origin/ladder/ladder-settings.ts';
import { run } from '../../support/ffmpeg.ts';

const rendition = { width: 640, height: 360, bitsPerSecond: 800_000, framesPerSecond: undefined };
const command = {
  renditions: [
    { ...rendition, name: '360p' },
    { ...rendition, name: 'slow', framesPerSecond: 12.5 },
  ],
  settings: { preset: 'veryfast', device: '/dev/dri/renderD128' },
  source: { width: 1_920, height: 1_080 },
  format: 'flv',
  version: { major: 5, minor: 1 },
} as const;

function valuesOf(args: readonly string[], option: string): string[] {
  return args.flatMap((word, index) => (args[index - 1] === option ? [word] : []));
}

describe('ladderArguments', () => {
  it('has one output for each rendition, on descriptors from 3 on', () => {
    const args = ladderArguments({ ...command, encoder: 'libx264' });
    expect(args.filter((word) => word.startsWith('pipe:'))).toEqual(['pipe:0', 'pipe:3', 'pipe:4']);
    expect(valuesOf(args, '-force_key_frames')).toEqual(['source', 'source']);
    expect(valuesOf(args, '-filter_complex')[0]).toContain('gte(t-prev_selected_t\\,0.07800)');
    expect(valuesOf(args, '-fps_mode')).toEqual(['passthrough', 'passthrough']);
    expect(
      valuesOf(ladderArguments({ ...command, encoder: 'libx264', version: { major: 5, minor: 0 } }), '-vsync'),
    ).toEqual(['passthrough', 'passthrough']);
  });

  it('decodes several pictures at once only where one after the other would be too slow', () => {
    const threads = (width: number, height: number) =>
      valuesOf(ladderArguments({ ...command, encoder: 'libx264', source: { width, height } }), '-thread_type');
    expect(threads(1_920, 1_080)).toEqual(['slice']);
    expect(threads(3_840, 2_160)).toEqual([]);
  });

  it('the device of VA-API is named, and pictures are sent to it', () => {
    const args = ladderArguments({ ...command, encoder: 'h264_vaapi' });
    expect(valuesOf(args, '-vaapi_device')).toEqual(['/dev/dri/renderD128']);
    expect(valuesOf(args, '-filter_complex')[0]?.match(/format=nv12,hwupload\[v/g)).toHaveLength(2);
    expect(valuesOf(probeArguments('h264_vaapi', command.settings), '-vf')).toEqual(['format=nv12,hwupload']);
  });

  it.each(encoders)('%s knows every option of its own that it is given', async (encoder) => {
    const { standardOutput } = await run('ffmpeg', ['-hide_banner', '-h', `encoder=${encoder}`]);
    const general = new Set(['-map', '-c:v', '-bf', '-g', '-force_key_frames', '-fps_mode', '-enc_time_base', '-b:v']);
    for (const option of ['-flush_packets', '-flvflags', '-f', '-maxrate', '-bufsize']) general.add(option);
    const args = ladderArguments({ ...command, encoder });
    const own = args.slice(args.indexOf('-map')).filter((word) => /^-[a-z]/.test(word) && !general.has(word));
    // This machine's ffmpeg is built without some of them, and then knows none of their options.
    const isBuiltIn = standardOutput.includes('AVOptions');
    for (const option of isBuiltIn ? own : []) expect(standardOutput).toContain(`  ${option} `);
    expect(own.length > 0 || encoder === 'h264_v4l2m2m').toBe(true);
  });
});
