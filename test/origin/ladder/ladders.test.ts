import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CloseBudget } from '../../../src/base/close-budget.ts';
import type { AccessUnit } from '../../../src/formats/media/access-unit.ts';
import { ladderRuleOf } from '../../../src/origin/ladder/ladder-settings.ts';
import { Ladders } from '../../../src/origin/ladder/ladders.ts';
import { originSchema } from '../../../src/origin/settings.ts';
import { eventually } from '../../support/condition.ts';
import { type EncodedMedia, encodeClip } from '../../support/encoded-media.ts';
import { validateMediaPlaylists } from '../../support/playlist-validator.ts';
import { PublishedStream } from '../../support/published-stream.ts';

const small = ['-preset', 'ultrafast', '-g', '30', '-keyint_min', '30'];

function rules(...list: { stream: string; renditions: unknown[] }[]) {
  return originSchema.parse({ live: { ladder: list } }).live.ladder;
}

/** A published stream with a ladder on a clock that stands still; ffmpeg runs at its own pace. */
class Laddered {
  readonly published: PublishedStream;
  readonly ladders: Ladders;
  readonly stop: () => void;

  constructor(renditions: readonly unknown[], ffmpeg: Record<string, unknown> = {}) {
    const live = {
      ladder: [{ stream: 'live/*', renditions }],
      ffmpeg: { encoder: 'libx264', preset: 'ultrafast', ...ffmpeg },
    };
    this.published = new PublishedStream(live);
    this.published.late.push('low.m3u8', 'high.m3u8');
    const { clock, log, packager } = this.published;
    const settings = originSchema.parse({ live }).live;
    this.ladders = new Ladders({ rules: settings.ladder, ffmpeg: settings.ffmpeg, clock, log, random: () => 0 });
    this.stop = this.ladders.follow(packager);
  }

  /** Sends it all in an instant, and leaves. */
  async publish(media: EncodedMedia): Promise<void> {
    const { published } = this;
    await eventually('it is known what there is', () => /made by ffmpeg|LADDER_NO_FFMPEG/.test(published.log.text));
    published.start(media.configs);
    published.send(media.units);
    published.stop();
  }

  segmentsOf(name: string) {
    return this.published.packager.rendition(name)?.window.segments ?? [];
  }

  /** Until a rendition has got as far as the publisher's own. */
  async untilCaughtUp(...names: string[]): Promise<void> {
    for (const name of names) {
      await eventually(`${name} has caught up`, () => {
        this.published.record();
        return this.segmentsOf(name).at(-1)?.msn === this.segmentsOf('video').at(-1)?.msn;
      });
    }
  }

  names(): string[] {
    const text = this.published.packager.multivariantPlaylist()?.plain.toString() ?? '';
    return text.split('\n').filter((line) => line.endsWith('.m3u8'));
  }

  async close(): Promise<void> {
    this.stop();
    const closed = this.ladders.close(CloseBudget.of(this.published.clock));
    const timer = setInterval(() => this.published.clock.advance(50), 20);
    await closed;
    clearInterval(timer);
  }
}

describe('ladderRuleOf', () => {
  it('takes the first rule that fits', () => {
    const list = rules({ stream: 'live/a*', renditions: ['720p'] }, { stream: 'live/*', renditions: ['480p'] });
    expect(ladderRuleOf(list, 'live/arena')?.renditions[0]?.name).toBe('720p');
    expect(ladderRuleOf(list, 'live/stage')?.renditions[0]?.name).toBe('480p');
    expect(ladderRuleOf(list, 'other/stage')).toBeUndefined();
  });
});

describe('Ladders', () => {
  let clip: EncodedMedia;
  let larger: EncodedMedia;
  const opened: Laddered[] = [];
  const open = (renditions: readonly unknown[], ffmpeg?: Record<string, unknown>) => {
    const laddered = new Laddered(renditions, ffmpeg);
    opened.push(laddered);
    return laddered;
  };
  beforeAll(async () => {
    clip = await encodeClip(7, small);
    larger = await encodeClip(7, [...small, '-s', '640x360']);
  });
  afterEach(() => Promise.all(opened.splice(0).map((laddered) => laddered.close())));

  it('another picture size is another run: what fits the new source is made of it, by the same numbers', async () => {
    const laddered = open([
      { name: 'low', height: 90 },
      { name: 'high', height: 240 },
    ]);
    const { published } = laddered;
    await laddered.publish(clip);
    await laddered.untilCaughtUp('low');
    expect(laddered.names()).toEqual(['video.m3u8', 'low.m3u8']);
    await laddered.publish(larger);
    await laddered.untilCaughtUp('low', 'high');
    await laddered.publish(clip);
    await laddered.untilCaughtUp('low', 'high');
    published.end();
    // Once listed it stays, whatever the source is now.
    expect(laddered.names()).toEqual(['video.m3u8', 'high.m3u8', 'low.m3u8']);
    const video = laddered.segmentsOf('video');
    const shape = (name: string) =>
      laddered.segmentsOf(name).map(({ msn, discontinuity, startSeconds }) => ({ msn, discontinuity, startSeconds }));
    expect(shape('low')).toEqual(shape('video'));
    expect(laddered.segmentsOf('low').some(({ gap }) => gap)).toBe(false);
    const runs = video.filter(({ discontinuity }) => discontinuity).map(({ msn }) => msn);
    expect(runs).toHaveLength(2);
    const [second = 0, third = 0] = runs;
    const high = laddered.segmentsOf('high');
    expect(high.filter(({ gap }) => !gap).map(({ msn }) => msn)).toEqual(
      video.map(({ msn }) => msn).filter((msn) => msn >= second && msn < third),
    );
    expect(validateMediaPlaylists(published.histories, ['low.m3u8', 'high.m3u8'])).toEqual([]);
  });

  it('without an ffmpeg the stream goes on, and nobody waits for renditions', async () => {
    const laddered = open([{ name: 'low', height: 90 }], { program: '/nowhere/ffmpeg' });
    const { published } = laddered;
    await eventually('it is said', () => published.log.text.includes('LADDER_NO_FFMPEG'));
    await laddered.publish(clip);
    expect(laddered.names()).toEqual(['video.m3u8']);
    await eventually('nothing is awaited', () => published.packager.awaited.areListed);
    expect(published.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    published.end();
    expect(validateMediaPlaylists(published.histories)).toEqual([]);
  });

  it('what comes of a stream that is over is dropped', async () => {
    const laddered = open([{ name: 'low', height: 90 }]);
    await laddered.publish(clip);
    laddered.published.end();
    const before = laddered.published.packager.renditions.map(({ name, window }) => [name, window.segments.length]);
    await laddered.close();
    expect(laddered.published.packager.renditions.map(({ name, window }) => [name, window.segments.length])).toEqual(
      before,
    );
    expect(validateMediaPlaylists(laddered.published.histories, ['low.m3u8'])).toEqual([]);
  });

  it('a stream without sound has renditions without sound', async () => {
    const laddered = open(['audio', { name: 'low', height: 90 }]);
    const isVideo = ({ kind }: { readonly kind: AccessUnit['kind'] }) => kind === 'video';
    await laddered.publish({ configs: clip.configs.filter(isVideo), units: clip.units.filter(isVideo) });
    await laddered.untilCaughtUp('low');
    expect(laddered.names()).toEqual(['video.m3u8', 'low.m3u8']);
    laddered.published.end();
    expect(validateMediaPlaylists(laddered.published.histories, ['low.m3u8'])).toEqual([]);
  });
});
