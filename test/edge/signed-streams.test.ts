import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edgeSchema } from '../../src/edge/settings.ts';
import { makeClip } from '../rtmp/sample-clip.ts';
import { RawConnection } from '../rtmp/raw-connection.ts';
import { eventually } from '../support/condition.ts';
import { packetHashes, run } from '../support/ffmpeg.ts';
import { asCookies, cannedGrant, customGrant, grantSigner, policyFor, trusting } from '../support/grant-signer.ts';
import { LiveHouse } from '../support/live-relay.ts';

const viewers = grantSigner('rsa', 'KVIEW');
const encoders = grantSigner('ec', 'KPUB');
const groups = trusting({ viewers: [viewers], encoders: [encoders] });
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
const canned = (resource: string, seconds = 60, signer = viewers): string =>
  cannedGrant(signer, resource, inSeconds(seconds));

/** What a player is told that is not let in. */
async function refusal(port: number, name: string): Promise<string | undefined> {
  const connection = await RawConnection.at('streaming', port);
  try {
    connection.sendCommand('play', 5, null, [name, -1], 1);
    const told = await eventually('a refusal', () => connection.statuses().find(({ level }) => level === 'error'));
    return told.code;
  } finally {
    connection.destroy();
  }
}

async function liveHouse(house: LiveHouse, behaviour: object = { trustedKeyGroups: ['viewers'] }) {
  const origin = await house.origin();
  const edge = await house.edge(
    [origin.rtmpPort],
    {},
    {
      ...groups,
      streaming: [{ name: 'live', behaviours: [{ stream: 'live/*', ...behaviour }] }],
    },
  );
  return { origin, edge };
}

describe('a live stream under a grant', () => {
  it('is played over RTMP by who has a grant for one of its names, and by nobody else', async () => {
    await using house = new LiveHouse();
    const { origin, edge } = await liveHouse(house);
    await house.publish(origin.rtmpPort, 'stage').started();
    const wildcard = customGrant(viewers, policyFor('live/*', inSeconds(60)));
    for (const grant of [canned('stage'), canned('live/stage'), wildcard]) {
      const viewer = await house.viewer(edge.rtmpPort, `stage?${grant}`);
      await viewer.getsFrames(3);
      viewer.leave();
    }
    for (const name of [
      'stage',
      `stage?${canned('other')}`,
      `stage?${canned('stage', -1)}`,
      `stage?${canned('stage')}&more=1`,
      `stage?${canned('stage', 60, encoders)}`,
    ]) {
      expect(await refusal(edge.rtmpPort, name)).toBe('NetStream.Play.Unauthorized');
    }
    expect(edge.stats().live.refused).toEqual({ PLAY_GRANT_MISSING: 5 });
    expect(edge.log.text).not.toMatch(/Signature=|Policy=/);
  });

  it('is played as FLV over HTTP and WebSocket by URL, and over HTTP by cookies', async () => {
    await using house = new LiveHouse();
    const { origin, edge } = await liveHouse(house);
    await house.publish(origin.rtmpPort, 'stage').started();
    const site = `127.0.0.1:${edge.httpPort}/live/stage.flv`;
    const status = async (query: string, cookie = ''): Promise<number> => {
      const leaving = new AbortController();
      const { status: code } = await fetch(`http://${site}${query}`, { signal: leaving.signal, headers: { cookie } });
      leaving.abort();
      return code;
    };
    expect(await status(`?${canned(`http://${site}`)}`)).toBe(200);
    expect(await status(`?${canned('live/stage')}`)).toBe(200);
    const cookies = asCookies(
      customGrant(viewers, policyFor(`http://127.0.0.1:${edge.httpPort}/live/*`, inSeconds(60))),
    );
    expect(await status('', cookies)).toBe(200);
    expect(await status('')).toBe(403);
    expect(await status(`?${canned(`http://${site}`)}&more=1`)).toBe(403);
    expect(await status(`?${canned(`http://${site}`, -1)}`, cookies)).toBe(403);
    const closed = await new Promise<boolean>((resolve) => {
      const socket = new WebSocket(`ws://${site}`);
      socket.addEventListener('message', () => resolve(false));
      socket.addEventListener('close', () => resolve(true));
      house.defer(() => socket.close());
    });
    expect(closed).toBe(true);
    const first = await new Promise<unknown>((resolve, reject) => {
      const socket = new WebSocket(`ws://${site}?${canned(`ws://${site}`)}`);
      socket.addEventListener('message', ({ data }) => resolve(data));
      socket.addEventListener('close', () => reject(new Error('closed')));
      house.defer(() => socket.close());
    });
    expect(first).toBeDefined();
  });

  it('goes on when its grant has expired, for those who watch', async () => {
    await using house = new LiveHouse();
    const { origin, edge } = await liveHouse(house);
    await house.publish(origin.rtmpPort, 'stage').started();
    const expires = inSeconds(2);
    const grant = cannedGrant(viewers, 'stage', expires);
    const viewer = await house.viewer(edge.rtmpPort, `stage?${grant}`);
    await viewer.getsFrames(1);
    await eventually('the end of the grant', () => Date.now() >= expires * 1_000);
    expect(await refusal(edge.rtmpPort, `stage?${grant}`)).toBe('NetStream.Play.Unauthorized');
    await viewer.getsFrames(10);
  });

  it('is published by who has a grant for that, and the origin sees nothing of it', async () => {
    await using house = new LiveHouse();
    const { origin, edge } = await liveHouse(house, { trustedKeyGroups: ['viewers'], publishKeyGroups: ['encoders'] });
    for (const name of ['stage', `stage?${canned('stage')}`, `stage?${canned('other', 60, encoders)}`]) {
      await expect(house.publish(edge.rtmpPort, name).started()).rejects.toThrow(/NetStream\.Publish\.Unauthorized/);
    }
    await house.publish(edge.rtmpPort, `stage?${canned('live/stage', 60, encoders)}`).started();
    await eventually('the stream at the origin', () => origin.directory.get('live/stage')?.publication);
    expect(origin.log.text).not.toContain('Signature');
    expect(edge.log.text).not.toMatch(/Signature=/);
  });
});

describe('a file under a grant', () => {
  it('is played by ffmpeg and rtmpdump, and by nobody without one', async () => {
    await using house = new LiveHouse();
    const folder = mkdtempSync(join(tmpdir(), 'streamfront-granted-'));
    house.defer(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'dir'));
    const clip = join(folder, 'clip.mp4');
    await makeClip(clip, 12, [
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-g',
      '25',
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'aac',
    ]);
    const whole = await packetHashes(clip);
    copyFileSync(clip, join(folder, 'dir/video.mp4'));
    utimesSync(join(folder, 'dir/video.mp4'), new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
    const origin = await house.origin({ library: { folder } });
    const edge = await house.edge(
      [origin.rtmpPort],
      {},
      {
        ...groups,
        origins: { main: { url: `http://127.0.0.1:${origin.httpPort}`, rtmp: `rtmp://127.0.0.1:${origin.rtmpPort}` } },
        distributions: [{ name: 'site', behaviours: [{ path: '*', trustedKeyGroups: ['viewers'] }] }],
        streaming: [{ name: 'files', stored: {} }],
      },
    );
    const url = `rtmp://127.0.0.1:${edge.rtmpPort}/cfx/st`;
    // The bare name, and what the signer of AWS makes of the URL.
    for (const [name, resource] of [
      ['mp4:dir/video.mp4', 'dir/video.mp4'],
      ['mp4:dir/video', 'dir/video'],
      ['mp4:dir/video', 'dir/video.mp4'],
      ['mp4:dir/video.mp4', 'cfx/st/mp4%3Adir/video.mp4'],
    ] as const) {
      const asMuch = ['-rtmp_buffer', '600000'];
      expect(await packetHashes(`${url}/${name}?${canned(resource)}`, asMuch)).toEqual(whole);
    }
    const dumped = join(folder, 'dumped.flv');
    const dump = (query: string) =>
      run('rtmpdump', ['-q', '--rtmp', url, '--playpath', `mp4:dir/video${query}`, '-o', dumped]);
    expect(await dump(`?${canned('dir/video.mp4')}`)).toMatchObject({ code: 0 });
    expect(await packetHashes(dumped)).toEqual(whole);
    for (const query of ['', `?${canned('dir/other.mp4')}`, `?${canned('dir/video.mp4', -1)}`]) {
      expect((await dump(query)).code).not.toBe(0);
    }
    expect(edge.stats().live.refused).toEqual({ PLAY_GRANT_MISSING: 3 });
    expect((await fetch(`http://127.0.0.1:${edge.httpPort}/library/dir/video.flv`)).status).toBe(403);
  });
});

describe('publishKeyGroups', () => {
  it('cannot be groups that let viewers in', () => {
    const { error } = edgeSchema.safeParse({
      ...groups,
      streaming: [{ name: 'live', behaviours: [{ trustedKeyGroups: ['viewers'], publishKeyGroups: ['viewers'] }] }],
    });
    expect(error?.issues.map(({ message }) => message)).toEqual([
      '"viewers" lets viewers in too, who could publish then: take another group',
    ]);
  });
});
