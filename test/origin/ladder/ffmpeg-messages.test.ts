import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FfmpegMessages } from '../../../src/origin/ladder/ffmpeg-messages.ts';

const written = [
  '[flv @ 0x5558420b4440] [warning] Stream #0: not enough frames to estimate rate',
  'Stream mapping:',
  '[h264_nvenc @ 0x55d5aa] [error] Cannot load libcuda.so.1',
  '[error] Error initializing output stream 0:0',
  '[fatal] Conversion failed!',
  '',
].join('\n');

describe('FfmpegMessages', () => {
  it('reads level and text, without addresses, however the bytes come', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(written.length)), (cuts) => {
        const messages = new FfmpegMessages();
        const edges = [0, ...cuts.sort((a, b) => a - b), written.length];
        const read = edges.slice(1).flatMap((edge, index) => messages.push(written.slice(edges[index], edge)));
        expect(read).toEqual([
          { level: 'warning', text: 'flv: Stream #0: not enough frames to estimate rate' },
          { level: 'error', text: 'h264_nvenc: Cannot load libcuda.so.1' },
          { level: 'error', text: 'Error initializing output stream 0:0' },
          { level: 'error', text: 'Conversion failed!' },
        ]);
        expect(messages.reason).toBe('h264_nvenc: Cannot load libcuda.so.1');
      }),
    );
  });

  it('keeps a bounded part of a line that does not end, and a few complaints only', () => {
    const messages = new FfmpegMessages();
    messages.push('[error] ');
    for (let i = 0; i < 1_000; i++) messages.push('x'.repeat(1_000));
    expect(messages.push('\n')[0]?.text.length).toBeLessThan(600);
    for (let i = 0; i < 50; i++) messages.push(`[error] number ${i}\n`);
    expect(messages.reason).toBe('number 45');
  });

  it('a last line without an end counts as well', () => {
    const messages = new FfmpegMessages();
    messages.push('[fatal] No such filter: blur');
    expect(messages.reason).toBe('No such filter: blur');
  });
});
