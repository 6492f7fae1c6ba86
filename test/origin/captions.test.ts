import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { lengthPrefixedNalUnits } from '../../src/formats/avc/nal-unit.ts';
import { mediaPartSamples } from '../../src/formats/cmaf/media-part-samples.ts';
import { originSchema } from '../../src/origin/settings.ts';
import { captionFiller, captionSei, type CcPair, popOnCaption } from '../support/caption-sei.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

const nothing = (): CcPair[] => [];

/** Pictures of which each has the captions of its index before its slice; without any no SEI. */
function pictures(pairsOf: (index: number) => readonly CcPair[], fromMs = 0, seconds = 5): AccessUnit[] {
  return videoUnits({ fromMs, seconds }).map((unit, index) => {
    const slice = new Uint8Array(400).fill(index).with(0, unit.kind === 'video' && unit.keyframe ? 0x65 : 0x41);
    const pairs = pairsOf(index);
    const sei = pairs.length === 0 ? [] : captionSei(pairs);
    return { ...unit, data: Uint8Array.of(...sei, 0, 0, slice.length >> 8, slice.length & 0xff, ...slice) };
  });
}

it.each([
  ['in the clear', {}],
  ['encrypted by samples', { encryption: [{ stream: '*', method: 'SAMPLE-AES' }] }],
])('captions of a picture (CEA-608 and 708) stay in it as they were sent, %s', (_, live) => {
  const units = pictures((index) => [[0, 0x80 | (index & 0x7f), 0x20]]);
  const published = new PublishedStream(live);
  published.start([videoConfig]);
  published.send(units);
  published.stop();
  const { segments } = published.packager.rendition('video')?.window ?? { segments: [] };
  const seiOf = (data: Uint8Array) => [...lengthPrefixedNalUnits(data, 4)][0];
  const parts = segments.flatMap(({ parts: all }) => all);
  // What is encrypted says its ranges behind the run of samples: its data follows in the same order.
  const found = parts.flatMap(({ bytes }) => mediaPartSamples(bytes).samples.map(({ data }) => seiOf(data)));
  expect(found).toHaveLength(units.length);
  expect(found).toEqual(units.map(({ data }) => seiOf(data)));
});

/** The lines of the multivariant playlist that have to do with captions, and what variants say of them. */
function listed(published: PublishedStream): string[] {
  const text = published.packager.multivariantPlaylist()?.plain.toString() ?? '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",')) return line.slice(54);
    if (!line.startsWith('#EXT-X-STREAM-INF')) return [];
    return /CLOSED-CAPTIONS=([^,]+)/.exec(line)?.[1] ?? 'not said';
  });
}

const cc1 = 'NAME="CC1",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="CC1"';

describe('captions in the multivariant playlist', () => {
  it('are named from the first playlist on, with the group of each variant that has pictures', () => {
    const published = new PublishedStream({ ladder: [{ stream: '*', renditions: ['audio'] }] });
    published.start([videoConfig, audioConfig]);
    const caption = popOnCaption('hi');
    const service: CcPair = [3, 0x02, 0x22];
    const video = pictures((index) => [caption[index] ?? captionFiller, index % 2 === 0 ? service : captionFiller]);
    published.send(interleaved(video, audioUnits({ seconds: 5 })));
    expect(listed(published)).toEqual([
      cc1,
      'NAME="SERVICE1",DEFAULT=NO,AUTOSELECT=NO,INSTREAM-ID="SERVICE1"',
      '"captions"',
      'not said',
    ]);
    published.stop();
  });

  it('are NONE in all variants where the first segment has none', () => {
    const published = new PublishedStream({ ladder: [{ stream: '*', renditions: ['audio'] }] });
    published.start([videoConfig, audioConfig]);
    published.send(
      interleaved(
        pictures(() => [captionFiller]),
        audioUnits({ seconds: 5 }),
      ),
    );
    expect(listed(published)).toEqual(['NONE', 'NONE']);
    published.stop();
  });

  it('are not spoken of where there are no pictures', () => {
    const published = new PublishedStream();
    published.start([audioConfig]);
    published.send(audioUnits({ seconds: 5 }));
    expect(listed(published)).toEqual(['not said']);
    published.stop();
  });

  it('that begin later are named for those who come then, and stay when another encoder sends none', () => {
    const published = new PublishedStream();
    published.start([videoConfig]);
    published.send(pictures(nothing));
    expect(listed(published)).toEqual(['NONE']);
    const caption = popOnCaption('later', 1);
    published.send(pictures((index) => caption.slice(index, index + 1), 5_000));
    const cc3 = cc1.replaceAll('CC1', 'CC3');
    expect(listed(published)).toEqual([cc3, '"captions"']);
    published.stop();
    published.start([videoConfig]);
    published.send(pictures(nothing));
    expect(listed(published)).toEqual([cc3, '"captions"']);
    published.stop();
  });

  it('are those of the settings, where there are some for the stream, whatever the pictures say', () => {
    const channels = [
      { channel: 'CC1', language: 'en', name: 'English' },
      { channel: 'CC3', language: 'es' },
    ];
    const published = new PublishedStream({
      captions: [
        { stream: 'live/other', channels: [] },
        { stream: 'live/*', channels },
      ],
    });
    published.start([videoConfig]);
    published.send(pictures(nothing));
    expect(listed(published)).toEqual([
      'NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="CC1"',
      'NAME="CC3",LANGUAGE="es",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="CC3"',
      '"captions"',
    ]);
    published.stop();
  });

  it.each([
    ['a channel that there is not', [{ channel: 'CC5' }]],
    ['a service that there is not', [{ channel: 'SERVICE64' }]],
    ['two of one name', [{ channel: 'CC1', name: 'CC2' }, { channel: 'CC2' }]],
    ['a name that would end a line', [{ channel: 'CC1', name: 'a\nb' }]],
  ])('are refused by the settings: %s', (_, channels) => {
    expect(originSchema.safeParse({ live: { captions: [{ stream: '*', channels }] } }).success).toBe(false);
  });
});
