import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveOrigin } from '../support/live-origin.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (fromMs: number, seconds: number) =>
  interleaved(videoUnits({ fromMs, seconds }), audioUnits({ fromMs, seconds }));
const video = '/live/test/video.m3u8';

let origin: LiveOrigin;
beforeEach(async () => {
  origin = await LiveOrigin.start();
});
afterEach(() => origin.close());

const textOf = async (query: string) => (await origin.get(`${video}${query}`)).text();
const skippedIn = (text: string) => Number(/SKIPPED-SEGMENTS=(\d+)/.exec(text)?.[1] ?? 0);
const packager = () => {
  const { packager } = origin.channels.get('live/test') ?? {};
  if (packager === undefined) throw new Error('there is no stream');
  return packager;
};
/** The wall clock at an instant of media time: streams here begin where the clock stands. */
const dateAt = (seconds: number) => new Date(origin.clock.wallMs() + seconds * 1_000).toISOString();

describe('_HLS_skip', () => {
  it('is announced in every playlist, six target durations deep', async () => {
    origin.publish('test', both, run(0, 5));
    for (const name of ['video', 'audio']) {
      const text = await (await origin.get(`/live/test/${name}.m3u8`)).text();
      expect(text).toContain('CAN-SKIP-UNTIL=12,CAN-SKIP-DATERANGES=YES');
    }
  });

  it.each(['YES', 'v2'])(
    '%s is answered with the whole playlist while nothing is beyond the boundary',
    async (skip) => {
      origin.publish('test', both, run(0, 14.2));
      expect(await textOf(`?_HLS_skip=${skip}`)).toBe(await textOf(''));
    },
  );

  it('leaves out what ends more than the boundary before the live end, parts of the open segment included', async () => {
    // Segments 1 to 10 of 2 s each, and 0.67 s of segment 11: 12 s before the end lies in segment 5.
    origin.publish('test', both, run(0, 20.7));
    const [whole, update] = [await textOf(''), await textOf('?_HLS_skip=YES')];
    expect(whole).toContain('/1.m4s');
    expect(skippedIn(update)).toBe(4);
    expect(update).toContain('#EXT-X-VERSION:9\n');
    expect(update).not.toContain('/4.m4s');
    expect(update.slice(update.indexOf('/5.m4s'))).toBe(whole.slice(whole.indexOf('/5.m4s')));
    expect(update).toContain('#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-SKIP:');
  });

  it('goes with a blocking reload', async () => {
    const stream = origin.publish('test', both, run(0, 20.7));
    const asked = origin.get(`${video}?_HLS_msn=11&_HLS_part=2&_HLS_skip=v2`);
    await origin.untilWaiting('test', 1);
    for (const unit of run(0, 21.1).filter(({ timestampMs }) => timestampMs >= 20_700)) stream.push(unit);
    const answer = await asked;
    const text = await answer.text();
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=12, stale-if-error=360');
    expect(text).toContain('11.2.m4s');
    expect(text).toContain('#EXT-X-VERSION:10\n');
    expect(text).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=4,RECENTLY-REMOVED-DATERANGES=""\n');
  });

  it('is ignored after the end, even where it is bad', async () => {
    origin.publish('test', both, run(0, 30)).end();
    const whole = await textOf('');
    expect(whole).toContain('#EXT-X-ENDLIST');
    expect(await textOf('?_HLS_skip=YES')).toBe(whole);
    expect(await textOf('?_HLS_skip=maybe&_HLS_part=4')).toBe(whole);
  });

  it('counts discontinuities as the whole playlist does', async () => {
    const stream = origin.publish('test', both, run(0, 6));
    stream.stopPublication();
    stream.startPublication({ peer: '127.0.0.1:5', encoder: 'test', startedWallMs: origin.clock.wallMs() });
    for (const config of both) stream.setTrackConfig(config);
    for (const unit of run(0, 30)) stream.push(unit);
    const [whole, update] = [await textOf(''), await textOf('?_HLS_skip=YES')];
    expect(whole).toContain('#EXT-X-DISCONTINUITY\n');
    expect(skippedIn(update)).toBeGreaterThan(4);
    expect(update).not.toContain('#EXT-X-DISCONTINUITY\n');
    expect(update).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:0\n');
    expect(update.match(/#EXT-X-MAP/g)).toHaveLength(1);
  });
});

describe('date ranges of a stream', () => {
  it('stand in every playlist from when they are added until they have left the window', async () => {
    await origin.close();
    origin = await LiveOrigin.start({ live: { window: '8s' } });
    const stream = origin.publish('test', both, run(0, 6.5));
    expect(packager().metadata.addDateRange({ id: 'a', startDate: dateAt(4), durationSeconds: 1 })).toBeUndefined();
    for (const name of ['video', 'audio']) {
      expect(await (await origin.get(`/live/test/${name}.m3u8`)).text()).toContain('#EXT-X-DATERANGE:ID="a",');
    }
    for (const unit of run(0, 20).filter(({ timestampMs }) => timestampMs >= 6_500)) stream.push(unit);
    expect(await textOf('')).not.toContain('#EXT-X-DATERANGE');
  });

  it('are refused with the reason when they are not as they must be', () => {
    origin.publish('test', both, run(0, 6.5));
    expect(packager().metadata.addDateRange({ id: 'a', startDate: 'now' })).toContain('START-DATE');
  });

  it('are all in an update by YES; one by v2 has the new ones, and names those that are gone', async () => {
    const stream = origin.publish('test', both, run(0, 20.5));
    packager().metadata.addDateRange({ id: 'old', startDate: dateAt(30) });
    packager().metadata.addDateRange({ id: 'cancelled', startDate: dateAt(31) });
    packager().metadata.addDateRange({ id: 'cancelled long ago', startDate: dateAt(31) });
    packager().metadata.removeDateRange('cancelled long ago');
    origin.clock.advance(12_001);
    packager().metadata.addDateRange({ id: 'new', startDate: dateAt(30) });
    packager().metadata.removeDateRange('cancelled');
    const idsIn = (text: string) => [...text.matchAll(/DATERANGE:ID="([^"]*)"/g)].map(([, id]) => id);
    expect(idsIn(await textOf(''))).toEqual(['old', 'new']);
    expect(idsIn(await textOf('?_HLS_skip=YES'))).toEqual(['old', 'new']);
    const update = await textOf('?_HLS_skip=v2');
    expect(idsIn(update)).toEqual(['new']);
    expect(update).toContain('RECENTLY-REMOVED-DATERANGES="cancelled"');
    stream.end();
    expect(idsIn(await textOf('?_HLS_skip=v2'))).toEqual(['old', 'new']);
  });
});
