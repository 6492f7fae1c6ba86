import { describe, expect, it } from 'vitest';
import { amf0Object, type Amf0Value } from '../../src/formats/amf0/value.ts';
import { mediaPartSamples } from '../../src/formats/cmaf/media-part-samples.ts';
import { isoBoxes } from '../support/iso-boxes.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const both = [videoConfig, audioConfig];
const run = (seconds: number, fromMs: number) =>
  interleaved(videoUnits({ fromMs, seconds, gop: 30 }), audioUnits({ fromMs, seconds }));

function say(published: PublishedStream, timestampMs: number, value: Amf0Value, name = 'onTextData'): void {
  published.stream.pushData({ name, values: [value], timestampMs });
}

interface Found {
  readonly id: number;
  readonly atMs: number;
  readonly text: string;
  /** Of the part that it is in. */
  readonly partMs: number;
}

/** The events of a rendition, as an independent reader finds them. */
function eventsOf(published: PublishedStream, name: string): Found[] {
  const window = published.packager.rendition(name)?.window;
  const parts = [...(window?.segments ?? []), ...(window?.open ? [window.open] : [])].flatMap(({ parts: all }) => all);
  return parts.flatMap(({ bytes }) => {
    const boxes: unknown[] = isoBoxes(bytes);
    return (boxes as Record<string, unknown>[]).flatMap((box) => {
      if (box['type'] !== 'emsg') return [];
      expect(box).toMatchObject({ version: 1, schemeIdUri: 'https://aomedia.org/emsg/ID3', value: '' });
      const timescale = Number(box['timescale']);
      const data = Buffer.from(box['messageData'] as Uint8Array).toString();
      return {
        id: Number(box['id']),
        atMs: Math.round((Number(box['presentationTime']) * 1_000) / timescale),
        // Behind the head of the tag, that of the frame, and the encoding.
        text: data.startsWith('ID3') && data.slice(10, 14) === 'TXXX' ? data.slice(21) : '',
        partMs: Math.floor((mediaPartSamples(bytes).baseMediaDecodeTimeTicks * 1_000) / timescale),
      };
    });
  });
}

describe('data messages of a publisher', () => {
  it('stand as ID3 in the part of the pictures that they belong to, with their own times, over a wrap', () => {
    const wrap = 2 ** 32;
    const published = new PublishedStream();
    published.start(both);
    published.send(run(3, wrap - 3_000));
    published.send(run(0.5, 0));
    say(published, 517, amf0Object({ text: 'hello', count: 3 }));
    say(published, 700, 'now', 'onCuePoint');
    say(published, 700, 'never', 'onSomething');
    published.send(run(3, 500));
    published.stop();
    const found = eventsOf(published, 'video');
    // Media time begins at 10 s.
    expect(found.map(({ atMs, text }) => [atMs, text])).toEqual([
      [13_517, 'onTextData\0{"text":"hello","count":3}'],
      [13_700, 'onCuePoint\0now'],
    ]);
    for (const { partMs, atMs } of found) {
      expect(atMs).toBeGreaterThanOrEqual(partMs);
      expect(atMs - partMs).toBeLessThan(350);
    }
    expect(eventsOf(published, 'audio')).toEqual([]);
  });

  it('stand beside the sound where there are no pictures', () => {
    const published = new PublishedStream();
    published.start([audioConfig]);
    published.send(audioUnits({ seconds: 3 }));
    say(published, 3_100, 'x');
    published.send(audioUnits({ fromMs: 3_000, seconds: 3 }));
    published.stop();
    expect(eventsOf(published, 'audio').map(({ atMs }) => atMs)).toEqual([13_100]);
  });

  it('are there when they came before the media, and when they have no time of their own', () => {
    const published = new PublishedStream();
    published.start(both);
    say(published, 100, 'early');
    published.send(run(4, 0));
    say(published, 12_345_678, 'no clock');
    published.send(run(2, 4_000));
    published.stop();
    const [early, late] = eventsOf(published, 'video');
    expect(early).toMatchObject({ atMs: 10_100, text: 'onTextData\0early' });
    expect(Math.abs((late?.atMs ?? 0) - 14_000)).toBeLessThan(400);
  });

  it('leaves I-frames, and the samples of parts, where playlists say that they are', () => {
    const published = new PublishedStream();
    published.start(both);
    for (let second = 0; second < 8; second++) {
      say(published, second * 1_000, 'x'.repeat(100));
      published.send(run(1, second * 1_000));
    }
    published.stop();
    published.end();
    const rendition = published.packager.rendition('video');
    expect(eventsOf(published, 'video')).toHaveLength(8);
    for (const { segmentMsn, offset, byteLength } of rendition?.iFrames?.listed ?? []) {
      const segment = Buffer.concat(rendition?.window.segment(segmentMsn)?.parts.map(({ bytes }) => bytes) ?? []);
      const iFrame = segment.subarray(offset, offset + byteLength);
      expect(iFrame.subarray(4, 8).toString()).toBe('moof');
    }
    const samples = rendition?.window.segments.flatMap(({ parts }) =>
      parts.flatMap(({ bytes }) => mediaPartSamples(bytes).samples.map(({ data }) => data[0])),
    );
    expect(samples).toHaveLength(240);
    expect(samples).toEqual(Array.from({ length: 240 }, (_, index) => index % 30));
  });

  it('are as many as the setting names, of a length that has a bound, and one line tells of those left out', () => {
    const published = new PublishedStream({ timedMetadata: ['onFI'] });
    published.start(both);
    published.send(run(3, 0));
    say(published, 3_010, 'not named');
    say(published, 3_010, amf0Object({ sd: '20-11-2026', st: '12:00:00.0' }), 'onFI');
    say(published, 3_020, 'x'.repeat(20_000), 'onFI');
    say(published, 3_030, amf0Object({ long: 'x'.repeat(20_000) }), 'onFI');
    published.send(run(3, 3_000));
    published.stop();
    expect(eventsOf(published, 'video').map(({ text }) => text)).toEqual([
      'onFI\0{"sd":"20-11-2026","st":"12:00:00.0"}',
    ]);
    expect(published.log.lines.filter(({ fields }) => fields['code'] === 'LIVE_METADATA_DROPPED')).toHaveLength(1);
  });
});
