import { describe, expect, it } from 'vitest';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import { parsePlaylist } from '../support/parsed-playlist.ts';
import { PublishedStream } from '../support/published-stream.ts';
import {
  breakDuration,
  segmentation,
  spliceInfoSection,
  spliceInsert,
  timeSignal,
} from '../support/splice-sections.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

/** A stream that is published second by second, with sections between. */
class Spliced {
  readonly published = new PublishedStream({ window: '60s' });
  #seconds = 0;

  constructor() {
    this.published.start([videoConfig, audioConfig]);
    this.run(4);
  }

  /** What a segment begins at, in seconds of the stream. */
  starts(name: string): number[] {
    const { segments } = parsePlaylist(this.published.playlist(name));
    const startMs = segments[0]?.programDateTimeMs ?? 0;
    return segments.map(({ programDateTimeMs = 0 }) => (programDateTimeMs - startMs) / 1_000);
  }

  run(seconds: number): this {
    const fromMs = this.#seconds * 1_000;
    this.#seconds += seconds;
    this.published.send(interleaved(videoUnits({ fromMs, seconds, gop: 15 }), audioUnits({ fromMs, seconds })));
    return this;
  }

  /** As Adobe Primetime has it; `aheadSeconds` behind the message. */
  say(section: Uint8Array, aheadSeconds = 0): this {
    const cue = amf0Object({ cue: section.toBase64(), type: 'scte35', time: this.#seconds + aheadSeconds });
    this.published.stream.pushData({ name: 'onAdCue', values: [cue], timestampMs: this.#seconds * 1_000 });
    return this;
  }

  /** The tags of both media playlists, which must be the same, with seconds of the stream for their dates. */
  tags(): string[] {
    this.published.stop();
    const [video, audio] = ['video.m3u8', 'audio.m3u8'].map((name) =>
      this.published
        .playlist(name)
        .split('\n')
        .filter((line) => line.startsWith('#EXT-X-DATERANGE:')),
    );
    expect(audio).toEqual(video);
    const startMs = Date.parse(/PROGRAM-DATE-TIME:(\S+)/.exec(this.published.playlist('video.m3u8'))?.[1] ?? '');
    return (video ?? []).map((tag) =>
      tag
        .replace('#EXT-X-DATERANGE:', '')
        .replace(/START-DATE="([^"]+)"/, (_, date: string) => `at ${(Date.parse(date) - startMs) / 1_000}`)
        .replace(/ID="(\w+-\d+(?:-\d+)?)-\w+"/, '$1')
        .replace(/=0xFC[0-9A-F]+/g, ''),
    );
  }
}

const out = (eventId: number, duration?: Uint8Array) =>
  spliceInfoSection(spliceInsert({ eventId, out: true, ...(duration === undefined ? {} : { duration }) }));
const back = (eventId: number) => spliceInfoSection(spliceInsert({ eventId }));
const segment = (eventId: number, typeId: number, seconds?: number) =>
  spliceInfoSection(timeSignal(), [segmentation({ eventId, typeId, ...(seconds === undefined ? {} : { seconds }) })]);

describe('SCTE-35 sections of a publisher', () => {
  it('are a date range from the way out of the network to the way back', () => {
    const spliced = new Spliced()
      .say(out(5, breakDuration(30, false)), 2)
      .run(5)
      .say(back(5))
      .run(3);
    expect(spliced.tags()).toEqual(['splice-5,at 6,DURATION=3,PLANNED-DURATION=30,SCTE35-OUT,SCTE35-IN']);
  });

  it('stand in playlists before the break is over, and as they were sent', () => {
    const section = out(5, breakDuration(30, false));
    const spliced = new Spliced().say(section).run(3);
    expect(spliced.tags()).toEqual(['splice-5,at 4,PLANNED-DURATION=30,SCTE35-OUT']);
    expect(spliced.published.playlist('video.m3u8')).toContain(`SCTE35-OUT=0x${section.toHex().toUpperCase()}`);
  });

  it('end by themselves where they say so', () => {
    expect(
      new Spliced()
        .say(out(5, breakDuration(4, true)))
        .run(3)
        .tags(),
    ).toEqual(['splice-5,at 4,PLANNED-DURATION=4,SCTE35-OUT']);
    expect(
      new Spliced()
        .say(out(5, breakDuration(4, true)))
        .run(6)
        .tags(),
    ).toEqual(['splice-5,at 4,DURATION=4,PLANNED-DURATION=4,SCTE35-OUT']);
  });

  it('begin and end where a segment does, if the encoder has put a keyframe there', () => {
    // Each run begins with a keyframe.
    const spliced = new Spliced()
      .say(out(5, breakDuration(4, true)), 3)
      .run(3)
      .run(4)
      .say(segment(8, 0x20))
      .run(5);
    expect(spliced.tags()).toEqual([
      'splice-5,at 7,DURATION=4,PLANNED-DURATION=4,SCTE35-OUT',
      'segmentation-8-32,at 11,DURATION=0,SCTE35-CMD',
    ]);
    expect(spliced.starts('video.m3u8')).toEqual([0, 2, 4, 6, 7, 9, 11, 13, 15]);
    for (const [index, seconds] of spliced.starts('audio.m3u8').entries()) {
      expect(Math.abs(seconds - (spliced.starts('video.m3u8')[index] ?? 0))).toBeLessThan(0.025);
    }
  });

  it('said again are the same break; of the same number later another one', () => {
    const spliced = new Spliced().say(out(1)).say(out(1)).run(3).say(back(1)).say(out(1), 2).run(4);
    expect(spliced.tags()).toEqual(['splice-1,at 4,DURATION=3,SCTE35-OUT,SCTE35-IN', 'splice-1,at 9,SCTE35-OUT']);
    const ids = [...spliced.published.playlist('video.m3u8').matchAll(/DATERANGE:ID="([^"]+)"/g)].map(
      (match) => match[1],
    );
    expect(new Set(ids).size).toBe(2);
  });

  it('are taken back', () => {
    const cancel = spliceInfoSection(spliceInsert({ eventId: 5, cancelled: true }));
    expect(new Spliced().say(out(5), 60).run(3).say(cancel).run(3).tags()).toEqual([]);
  });

  it('are told by their segmentation: what begins, what ends, and what only happens', () => {
    const spliced = new Spliced()
      .say(segment(9, 0x34, 30))
      .say(segment(9, 0x30, 15))
      .run(3)
      .say(segment(9, 0x31))
      .say(segment(8, 0x20))
      .run(2)
      .say(segment(9, 0x35))
      .run(3);
    expect(spliced.tags().sort()).toEqual([
      'segmentation-8-32,at 7,DURATION=0,SCTE35-CMD',
      'segmentation-9-48,at 4,DURATION=3,PLANNED-DURATION=15,SCTE35-OUT,SCTE35-IN',
      'segmentation-9-52,at 4,DURATION=5,PLANNED-DURATION=30,SCTE35-OUT,SCTE35-IN',
    ]);
  });

  it('that end what nobody has announced are instants', () => {
    expect(new Spliced().say(back(3)).run(3).tags()).toEqual(['splice-3,at 4,DURATION=0,SCTE35-CMD']);
  });

  it('do not believe a time of another clock', () => {
    expect(new Spliced().say(out(5), 4_000).run(3).tags()).toEqual(['splice-5,at 4,SCTE35-OUT']);
  });
});
