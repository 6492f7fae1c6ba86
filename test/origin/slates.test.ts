import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/base/errors.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { loadSlates } from '../../src/origin/slates.ts';
import { makeClip } from '../rtmp/sample-clip.ts';

let folder: string;
let file: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streamfront-slates-'));
  file = await makeClip(join(folder, 'slate.mp4'), 2);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function load(live: Record<string, unknown>) {
  return loadSlates(originSchema.parse({ live }).live);
}

describe('loadSlates', () => {
  it('gives a stream the slate of the first rule that fits, and reads a file once', async () => {
    const slateOf = await load({
      slate: [
        { stream: 'live/stage', file, after: '5s' },
        { stream: 'live/s*', file },
      ],
    });
    expect(slateOf('live/stage')?.afterMs).toBe(5_000);
    expect(slateOf('live/side')?.afterMs).toBe(1_000);
    expect(slateOf('live/other')).toBeUndefined();
    expect(slateOf('live/stage')?.clip).toBe(slateOf('live/side')?.clip);
  });

  it('says everything that is wrong at once, each with its setting, file and reason', async () => {
    const absent = join(folder, 'absent.mp4');
    const loading = load({
      reconnectGrace: '10s',
      slate: [
        { stream: 'live/a', file: absent },
        { stream: 'live/b', file, after: '10s' },
      ],
    });
    const error = await loading.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({
      findings: [
        `origin.live.slate[0].file: ${absent}: there is no such file`,
        'origin.live.slate[1].after: it would never play, the stream ends after 10s (origin.live.reconnectGrace)',
      ],
    });
  });

  it('lets keyframes be as far apart as segments of the wanted length allow', async () => {
    const sparse = await makeClip(join(folder, 'sparse.mp4'), 4, ['-c:v', 'libx264', '-g', '100', '-c:a', 'aac']);
    await expect(load({ slate: [{ stream: '*', file: sparse }] })).rejects.toThrow(
      /up to 4\.\d+ s apart, at most 2\.3 s.*n_forced\*2\)/,
    );
    const slateOf = await load({ segment: '4s', slate: [{ stream: '*', file: sparse }] });
    expect(slateOf('live/a')).toBeDefined();
  });
});
