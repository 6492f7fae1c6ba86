import { describe, expect, it } from 'vitest';
import type { StreamsList } from '../../src/origin/streams-list.ts';
import { eventually } from '../support/condition.ts';
import { FfmpegEncoder } from '../support/ffmpeg-encoder.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { recordPlaylists } from '../support/playlist-recorder.ts';
import { validateMediaPlaylists } from '../support/playlist-validator.ts';

const key = 'stage-key-0123';
const publish = () => ({ auth: 'key' as const, keys: [{ stream: 'live/stage', key }] });

async function untilPublishers(httpPort: number, ...expected: readonly string[]): Promise<void> {
  await eventually(
    expected.join(', '),
    async () => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/live/streams.json`);
      const { streams } = (await answer.json()) as StreamsList;
      const publishers = streams.flatMap((stream) => stream.publishers);
      return publishers.map(({ role, state }) => `${role} ${state}`).join() === expected.join();
    },
    20_000,
  );
}

describe('a primary and a backup publisher through two edges', () => {
  it('change places without a viewer losing the stream: a primary that stalls, comes back, and dies', async () => {
    await using house = new LiveHouse();
    const origin = await house.origin({
      publish: publish(),
      live: { segment: '1s', reconnectGrace: '2s', backup: { takeOverAfter: '600ms', handBackAfter: '500ms' } },
    });
    const [frankfurt, madrid] = [
      await house.edge([origin.rtmpPort], {}, { publish: publish() }),
      await house.edge([origin.rtmpPort], {}, { publish: publish() }),
    ];
    await using primary = new FfmpegEncoder(`rtmp://127.0.0.1:${frankfurt.rtmpPort}/live/stage?key=${key}`);
    await untilPublishers(origin.httpPort, 'primary active');
    await using backup = new FfmpegEncoder(`rtmp://127.0.0.1:${madrid.rtmpPort}/live/stage?key=${key}&backup=1`);
    await untilPublishers(origin.httpPort, 'primary active', 'backup standby');
    const viewer = await house.viewer(madrid.rtmpPort, 'stage');
    const flvViewer = await house.flvViewer(frankfurt.httpPort, 'stage', 'http');
    const recorded = recordPlaylists(`http://127.0.0.1:${origin.httpPort}/live/stage`, ['video.m3u8', 'audio.m3u8']);
    await viewer.getsFrames(60);

    primary.stall();
    await untilPublishers(origin.httpPort, 'backup active', 'primary standby');
    await viewer.getsFrames(60);

    primary.resume();
    await untilPublishers(origin.httpPort, 'primary active', 'backup standby');
    await viewer.getsFrames(60);

    await primary.kill();
    await untilPublishers(origin.httpPort, 'backup active');
    await viewer.getsFrames(60);
    expect(viewer.timesThatGoBack).toEqual([]);
    expect(flvViewer.media.length).toBeGreaterThan(240);

    await backup.kill();
    const histories = await recorded;
    expect(validateMediaPlaylists(histories)).toEqual([]);
    const last = histories.get('video.m3u8')?.at(-1) ?? '';
    expect(last.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(3);
    expect(last).not.toContain('#EXT-X-GAP');
    // One epoch, and one configuration.
    expect(new Set([...last.matchAll(/^([\w-]+)\/video\/\d+\.m4s$/gm)].map((match) => match[1])).size).toBe(1);
    expect(new Set([...last.matchAll(/#EXT-X-MAP:URI="(.*)"/g)].map((match) => match[1])).size).toBe(1);
  }, 60_000);

  it('need the same key', async () => {
    await using house = new LiveHouse();
    const another = 'another-key-4567';
    const { keys } = publish();
    const origin = await house.origin({
      publish: { auth: 'key', keys: [...keys, { stream: 'live/stage', key: another }] },
    });
    await house.publish(origin.rtmpPort, `stage?key=${key}`).started();
    const stranger = house.publish(origin.rtmpPort, `stage?key=${another}&backup=1`);
    await expect(stranger.started()).rejects.toThrow(/being published by another encoder/);
  });
});
