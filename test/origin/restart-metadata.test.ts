import { describe, expect, it } from 'vitest';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import { isCmafTrack } from '../../src/formats/cmaf/cmaf-track.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { parseStreamState, streamStateJson } from '../../src/origin/stream-state.ts';
import { KeptHouse, type KeptOrigin } from '../support/kept-origin.ts';
import { allTrackConfigs, videoTrackConfig } from '../support/sample-tracks.ts';
import { breakDuration, spliceInfoSection, spliceInsert } from '../support/splice-sections.ts';
import { audioConfig, audioUnits, interleaved, videoUnits } from '../support/synthetic-units.ts';
import { readTransport } from '../support/transport-reader.ts';

const avc = videoTrackConfig('avc');
const both = [avc, audioConfig];

/** Pictures of one NAL unit each, with sound. */
function run(seconds: number, fromMs = 0): AccessUnit[] {
  const pictures = videoUnits({ fromMs, seconds }).map((unit) => ({
    ...unit,
    data: Uint8Array.of(0, 0, 0, 2, unit.kind === 'video' && unit.keyframe ? 0x65 : 0x41, 1),
  }));
  return interleaved(pictures, audioUnits({ fromMs, seconds }));
}

/** The date ranges of a media playlist, each without its dates. */
function dateRanges(origin: KeptOrigin, name = 'video'): string[] {
  const rendition = origin.packager?.rendition(name);
  const text = (rendition && origin.packager?.mediaPlaylist(rendition)?.plain.toString()) ?? '';
  return text.split('\n').filter((line) => line.startsWith('#EXT-X-DATERANGE:'));
}

async function restarted(house: KeptHouse, origin: KeptOrigin): Promise<KeptOrigin> {
  await origin.written();
  await origin.kill();
  house.clock.advance(3_000);
  return house.start();
}

function say(origin: KeptOrigin, section: Uint8Array, timestampMs: number): void {
  const values = [amf0Object({ cue: section.toBase64(), type: 'scte35' })];
  origin.packager?.onData({ name: 'onAdCue', values, timestampMs });
}

describe('an origin that is killed and started again', () => {
  it('lists the date ranges from before, whatever they say, until their time has left the window', async () => {
    await using house = new KeptHouse({ window: '12s' });
    const first = await house.start();
    first.publish(both);
    first.send(run(7));
    const startDate = new Date(house.clock.wallMs()).toISOString();
    const extensions = { 'X-TEXT': 'a', 'X-NUMBER': 1.5, 'X-BYTES': Uint8Array.of(1, 2) };
    first.packager?.metadata.addDateRange({ id: 'long', className: 'c', startDate, durationSeconds: 60, extensions });
    first.packager?.metadata.addDateRange({ id: 'short', startDate, endDate: startDate, cue: ['PRE', 'ONCE'] });
    first.packager?.metadata.addDateRange({ id: 'gone', startDate });
    first.packager?.metadata.removeDateRange('gone');
    const before = dateRanges(first);
    expect(before).toHaveLength(2);
    const second = await restarted(house, first);
    expect(dateRanges(second)).toEqual(before);
    expect(dateRanges(second, 'audio')).toEqual(before);
    second.publish(both);
    second.send(run(20, 100_000));
    expect(dateRanges(second)).toEqual(before.filter((tag) => tag.includes('"long"')));
  });

  it('ends a break by the section that says so, whichever origin has heard of its beginning', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(7));
    say(first, spliceInfoSection(spliceInsert({ eventId: 5, out: true })), 7_000);
    say(first, spliceInfoSection(spliceInsert({ eventId: 6, out: true, duration: breakDuration(20, true) })), 7_000);
    const [opened, timed] = dateRanges(first);
    expect(opened).toMatch(/ID="splice-5-.*SCTE35-OUT=/);
    const second = await restarted(house, first);
    second.publish(both);
    second.send(run(5, 100_000));
    expect(dateRanges(second)).toEqual([opened, timed]);
    say(second, spliceInfoSection(spliceInsert({ eventId: 5 })), 105_000);
    second.send(run(13, 105_000));
    const after = dateRanges(second);
    expect(after).toHaveLength(2);
    for (const [tag, seconds] of [
      [opened, /(?:7\.9|8\.0)\d*/],
      [timed, /20/],
    ] as const) {
      const [id = 'none'] = /ID="[^"]+"/.exec(tag ?? '') ?? [];
      const ended = after.find((each) => each.includes(id));
      expect(ended).toMatch(new RegExp(`,DURATION=${seconds.source},`));
    }
    expect(after.join()).toContain('SCTE35-IN=');
  });

  it('gives segments of MPEG-TS from before the last change of a configuration', async () => {
    await using house = new KeptHouse();
    const first = await house.start();
    first.publish(both);
    first.send(run(5));
    first.unpublish();
    first.publish([{ ...avc, width: 640, height: 360 }, audioConfig]);
    first.send(run(5, 50_000));
    const segmentsOf = ({ packager }: KeptOrigin) => {
      const variant = packager?.transport.variant(undefined);
      if (packager === undefined || typeof variant !== 'object') throw new Error('there is no variant');
      return (msn: number) => packager.transport.segment(variant, msn);
    };
    const wanted = [1, 2, 4].map((msn) => segmentsOf(first)(msn));
    const second = await restarted(house, first);
    for (const [index, msn] of [1, 2, 4].entries()) {
      const bytes = segmentsOf(second)(msn);
      expect(bytes).toBeDefined();
      expect(readTransport(bytes ?? new Uint8Array(0)).findings).toEqual([]);
      expect(bytes).toEqual(wanted[index]);
    }
    const variant = second.packager?.transport.variant(undefined);
    const text =
      typeof variant === 'object' ? second.packager?.transport.playlist(variant)?.plain.toString() : undefined;
    // Those behind are numbers that viewers may have met.
    expect(text?.split('/5.ts')[0]).not.toContain('#EXT-X-GAP');
  });
});

it('parseStreamState reads every configuration as streamStateJson has written it', () => {
  const configs = new Map(allTrackConfigs().filter(isCmafTrack).entries());
  expect(configs.size).toBeGreaterThan(8);
  for (const config of configs.values()) {
    const state = {
      path: 'live/a',
      epoch: 'e1',
      savedWallMs: 1,
      endedWallMs: undefined,
      publication: undefined,
      begun: undefined,
      packaging: {
        targets: { targetDurationSeconds: 2, partTargetMs: 350, segmentSeconds: 2 },
        originWallMs: 5,
        nextMsn: 7,
        renditions: [{ name: 'a', track: 0, config, initIndex: 3, inits: new Map([[3, Uint8Array.of(1)]]), configs }],
        dateRanges: [],
        breaks: [],
        encryption: undefined,
      },
    };
    expect(parseStreamState(JSON.parse(JSON.stringify(streamStateJson(state))))).toEqual(state);
  }
});
