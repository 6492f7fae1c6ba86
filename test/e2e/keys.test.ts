import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFiles, keysFolder } from '../../src/stores/keys/key-store.ts';
import { sign, type SignFlags } from '../../src/cli/sign.ts';
import { writtenBy } from '../cli/written-by.ts';
import { eventually } from '../support/condition.ts';
import { run } from '../support/ffmpeg.ts';
import { type RunningProgram, startProgram } from '../support/program.ts';

const mainFile = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');

let parent: string;
let dataFolder: string;
let program: RunningProgram;

beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'streamfront-keys-'));
  dataFolder = join(parent, 'data');
});

afterAll(async () => {
  await program.stop();
  rmSync(parent, { recursive: true, force: true });
});

/** Standard output of a command that must come to a good end. */
async function command(...words: string[]): Promise<string> {
  const { code, standardOutput, standardError } = await run(process.execPath, [
    mainFile,
    ...words,
    '--data',
    dataFolder,
  ]);
  expect([code, standardError.replace(/^Good for .*\n$/, '')]).toEqual([0, '']);
  return standardOutput.trim();
}

/** What `streamfront sign` writes, without a process of its own. */
const signed = async (url: string | undefined, flags: Partial<SignFlags> = {}): Promise<string> =>
  (await writtenBy(() => sign(url, { data: dataFolder, hash: 'sha256', ...flags }))).standardOutput.trim();

const status = async (url: string, fields: Record<string, string> = {}): Promise<number> => {
  const response = await fetch(url, { headers: fields });
  await response.bytes();
  return response.status;
};

/** Whether a player gets pictures. */
async function plays(url: string): Promise<boolean> {
  // It would look at seconds of the stream to tell what is in it.
  const quickly = ['-v', 'error', '-probesize', '10000', '-analyzeduration', '0', '-read_intervals', '%+#1'];
  const asked = ['-select_streams', 'v', '-show_entries', 'packet=codec_type', '-of', 'csv'];
  const { standardOutput } = await run('ffprobe', [...quickly, ...asked, url]);
  return standardOutput.includes('packet,video');
}

describe('streamfront keys and streamfront sign', () => {
  it('open and close the door of a running edge, over HTTP and RTMP, from the first key to the last', async () => {
    const made = await command('keys', 'create');
    const first = /K[A-Z0-9]{13}/.exec(made)?.[0] ?? '';
    expect(made).toContain('No edge runs with the data folder');

    const guarded = { trustedKeyGroups: ['viewers'] };
    program = await startProgram({
      configuration: {
        demo: true,
        edge: {
          distributions: [{ name: 'site', behaviours: [{ path: '/live/*', disk: false, ...guarded }, { path: '*' }] }],
          streaming: [{ name: 'live', behaviours: [guarded] }],
        },
      },
      flags: ['--data', dataFolder],
    });
    const { edgeUrl, rtmpUrl } = program;
    const page = `${edgeUrl}/live/streams.json`;
    await eventually('the demo is live', async () => {
      const response = await fetch(await signed(page));
      return response.ok && (await response.text()).includes('"live"');
    });

    // Over HTTP, by URL and by cookies.
    const url = await command('sign', page, '--expires', '10m');
    expect([await status(page), await status(url), await status(`${url}x`)]).toEqual([403, 200, 403]);
    const cookie = await signed(undefined, { cookies: true, resource: `${edgeUrl}/live/*`, ip: '127.0.0.0/8' });
    expect([await status(page, { cookie }), await status(`${edgeUrl}/live/none`, { cookie })]).toEqual([200, 404]);

    // Over RTMP.
    const stream = await signed(`${rtmpUrl}/demo`);
    expect([await plays(`${rtmpUrl}/demo`), await plays(stream)]).toEqual([false, true]);

    // The old key opens on beside the new one, which is known at once.
    expect(await command('keys', 'rotate')).toContain('The running edge knows it: this is in force now.');
    const signedAnew = await signed(page);
    expect(signedAnew).not.toContain(first);
    expect([await status(signedAnew), await status(url)]).toEqual([200, 200]);

    // And none of what it has signed does when it is gone.
    const revoked = await command('keys', 'revoke', first);
    expect(revoked).toContain('The running edge knows it');
    expect(revoked).toContain(`"streamfront revoke key ${first}" ends them too`);
    expect([await status(url), await status(page, { cookie }), await plays(stream)]).toEqual([403, 403, false]);
    expect(await status(signedAnew)).toBe(200);

    // Without a command as well: files that come and go are enough.
    const second = /Key-Pair-Id=([^&]+)/.exec(signedAnew)?.[1] ?? '';
    const { publicFile, privateFile } = keyFiles(keysFolder(dataFolder), 'viewers', second);
    expect(existsSync(privateFile)).toBe(true);
    rmSync(publicFile);
    await eventually('the door is closed', async () => (await status(signedAnew)) === 403);
    expect(program.logLines().map(({ code }) => code)).toContain('KEY_GROUP_EMPTY');
    expect(JSON.stringify(program.logLines())).not.toMatch(/Signature|PRIVATE/);
  });
});
