import { describe, expect, it } from 'vitest';
import { changeLine, findingsAfter, good, lastState, withLine, withoutLines } from './broken-playlists.ts';
import { parsePlaylist } from './parsed-playlist.ts';
import { validateUpdate } from './playlist-update.ts';
import { validateMediaPlaylists, validateReports } from './playlist-validator.ts';

const skipOne = '#EXT-X-SKIP:SKIPPED-SEGMENTS=1';
const date = '2026-01-01T00:00:05.000Z';
const dateRange = (attributes: string) => withLine(`#EXT-X-DATERANGE:${attributes}`);

describe('validateMediaPlaylists, of version 3', () => {
  const plain = [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    '#EXT-X-TARGETDURATION:2',
    '#EXT-X-MEDIA-SEQUENCE:4',
    '#EXT-X-DISCONTINUITY-SEQUENCE:0',
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z',
    '#EXTINF:2.00000,',
    '4.ts',
    '',
  ].join('\n');
  const findings = (text: string) => validateMediaPlaylists(new Map([['ts', [text]]])).join('\n');

  it('takes what old players read, and reports what they do not know', () => {
    expect(findings(plain)).toBe('');
    expect(findings(plain.replace('#EXTINF', '#EXT-X-MAP:URI="a"\n#EXTINF'))).toMatch(/MAP.* version 3 does not know/);
    expect(findings(plain.replace('#EXTINF', '#EXT-X-PART:URI="a",DURATION=2\n#EXTINF'))).toMatch(/does not know/);
    expect(findings(plain.replace(/#EXT-X-PROGRAM.*\n/, ''))).toMatch(/no PROGRAM-DATE-TIME/);
    expect(findings(plain.replace('2.00000', '2.60000'))).toMatch(/rounds over TARGETDURATION/);
    expect(findings(plain.replace('VERSION:3', 'VERSION:4'))).toMatch(/0 times EXT-X-SERVER-CONTROL/);
  });
});

describe('validateMediaPlaylists, more of the draft', () => {
  it.each<[string, RegExp, (text: string, index: number) => string, number?]>([
    ['a control character', /control character/, (text) => `${text}\u0007`],
    ['a carriage return', /control character/, (text) => text.replaceAll('\n', '\r\n')],
    ['a tag of a multivariant playlist', /no tag of a media playlist/, withLine('#EXT-X-STREAM-INF:BANDWIDTH=1')],
    ['a tag that nobody knows', /EXT-X-UNKNOWN, which is no tag/, withLine('#EXT-X-UNKNOWN')],
    [
      'a tag of the whole behind the first segment',
      /PART-INF behind the first segment/,
      (text) => {
        const tag = /#EXT-X-PART-INF.*\n/.exec(text)?.[0] ?? '';
        return text.replace(tag, '') + tag;
      },
    ],
    ['an attribute without a value', /no attribute list/, (text) => text.replace('PART-TARGET=0.35', 'PART-TARGET')],
    ['an attribute that is there twice', /has URI twice/, (text) => text.replace('#EXT-X-MAP:', '#EXT-X-MAP:URI="a",')],
    ['a VERSION that knows no MAP', /VERSION is 5/, (text) => text.replace('VERSION:9', 'VERSION:5')],
    ['a small Skip Boundary', /CAN-SKIP-UNTIL is 11/, (text) => text.replace('UNTIL=12', 'UNTIL=11')],
    ['date ranges to skip without boundary', /UNTIL is NaN/, (text) => text.replace('CAN-SKIP-UNTIL=12,', '')],
    ['no PART-TARGET', /has no PART-TARGET/, withoutLines(/PART-INF/)],
    ['a date that is none', /is no date/, (text) => changeLine(text, /PROGRAM-DATE/, 1, (line) => `${line}x`)],
    [
      'MAP behind the parts',
      /MAP.* behind its first part/,
      (text) => changeLine(text, /X-PART:/, 0, (line) => `${line}\n#EXT-X-MAP:URI="a"`),
    ],
    [
      'a part in a gap',
      /is a gap and has no part that is one/,
      (text) => text.replace('#EXTINF', '#EXT-X-GAP\n#EXTINF'),
    ],
    [
      'two hints',
      /more than one PRELOAD-HINT/,
      (text) => text.replace(/(#EXT-X-PRELOAD-HINT.*\n)/, '$1#EXT-X-PRELOAD-HINT:TYPE=PART,URI="x.m4s"\n'),
    ],
    [
      'a date that goes back over a discontinuity',
      /is before the end of the one before/,
      (text) => text.replace(/(DISCONTINUITY\n.*\n#EXT-X-PROGRAM-DATE-TIME:)2026/, '$12025'),
      70,
    ],
    [
      'parts far from the live end',
      /far from the live end and has parts/,
      (text) => changeLine(text, /EXTINF/, 0, (line) => `#EXT-X-PART:DURATION=0.3,URI="x.m4s"\n${line}`),
      40,
    ],
    ['a report by an absolute URI', /is not relative/, (text) => text.replace('URI="audio', 'URI="/live/test/audio')],
    ['a report without LAST-MSN', /has no LAST-MSN/, (text) => text.replace(/LAST-MSN=\d+,?/, '')],
    ['a report with a LAST-PART of no number', /LAST-PART of/, (text) => text.replace(/LAST-PART=\d+/, 'LAST-PART=x')],
    [
      'two reports on one rendition',
      /2 times RENDITION-REPORT for audio/,
      (text) => text.replace(/(#EXT-X-RENDITION-REPORT.*\n)/, '$1$1'),
    ],
    ['a report that goes back', /REPORT for audio.m3u8 went back/, (text) => text.replace(/MSN=\d+/, 'MSN=0'), 40],
    ['a report that ends', /for audio.m3u8 is there no more/, withoutLines(/RENDITION-REPORT/), 40],
    ['a report of what never was', /reports segment 99 of/, (text) => text.replace(/MSN=\d+/, 'MSN=99'), 40],
    [
      'DISCONTINUITY-SEQUENCE that goes back',
      /DISCONTINUITY-SEQUENCE went back/,
      (text, index) => text.replace(/(DISCONTINUITY-SEQUENCE:)\d+/, `$1${index === 30 ? 9 : 0}`),
      30,
    ],
    [
      'another number of discontinuities than elsewhere',
      /discontinuity number of segment \d+ differs/,
      (text) => text.replace(/(DISCONTINUITY-SEQUENCE:)\d+/, '$17'),
    ],
    ['a MAP that changes', /MAP of segment \d+ has changed/, (text) => text.replaceAll('init-0', 'init-9'), 30],
    ['a KEY that changes', /KEY of segment \d+ has changed/, withLine('#EXT-X-KEY:METHOD=AES-128,URI="a"'), 30],
    [
      'a gap that comes late',
      /GAP of segment \d+ has changed/,
      (text) => text.replace('#EXTINF', '#EXT-X-GAP\n#EXTINF'),
      30,
    ],
    [
      'a part that changes',
      /part e1.*is not what it was/,
      (text, index) => (index % 2 === 0 ? text : text.replaceAll(',INDEPENDENT=YES', '')),
      30,
    ],
    [
      'parts that are there again',
      /parts of segment \d+ are there again/,
      (text, index) => (index === 60 ? withoutLines(/X-PART:/)(text) : text),
    ],
    ['I-frames that come and go', /I-FRAMES-ONLY has changed/, withLine('#EXT-X-I-FRAMES-ONLY'), 30],
    ['an I-frame without byte range', /has undefined for a byte range/, withLine('#EXT-X-I-FRAMES-ONLY')],
    ['parts of I-frames', /of an I-frame playlist has parts/, withLine('#EXT-X-I-FRAMES-ONLY')],
    ['a date range without ID', /date range has no ID/, dateRange(`START-DATE="${date}"`)],
    ['a date range without date', /START-DATE is no date/, dateRange('ID="a"')],
    [
      'a date range that is there twice',
      /date range a is there twice/,
      (text) => dateRange(`ID="a",START-DATE="${date}"`)(dateRange(`ID="a",START-DATE="${date}"`)(text)),
    ],
    [
      'a date range that ends before it begins',
      /END-DATE is before START-DATE/,
      dateRange(`ID="a",START-DATE="${date}",END-DATE="2025-01-01T00:00:05.000Z"`),
    ],
    ['a negative DURATION', /DURATION is -1/, dateRange(`ID="a",START-DATE="${date}",DURATION=-1`)],
    ['a negative PLANNED-DURATION', /DURATION is -1/, dateRange(`ID="a",START-DATE="${date}",PLANNED-DURATION=-1`)],
    [
      'two ends of a date range',
      /END-DATE is not START-DATE \+ DURATION/,
      dateRange(`ID="a",START-DATE="${date}",DURATION=1,END-DATE="${date}"`),
    ],
    [
      'END-ON-NEXT without CLASS',
      /END-ON-NEXT without CLASS/,
      dateRange(`ID="a",START-DATE="${date}",END-ON-NEXT=YES`),
    ],
    ['END-ON-NEXT=NO', /END-ON-NEXT is not YES/, dateRange(`ID="a",CLASS="c",START-DATE="${date}",END-ON-NEXT=NO`)],
    [
      'END-ON-NEXT with an end',
      /END-ON-NEXT with an end/,
      dateRange(`ID="a",CLASS="c",START-DATE="${date}",END-ON-NEXT=YES,DURATION=1`),
    ],
    [
      'date ranges that overlap',
      /date range b overlaps a/,
      (text) =>
        dateRange(`ID="a",CLASS="c",START-DATE="2026-01-01T00:00:04.000Z",DURATION=9`)(
          dateRange(`ID="b",CLASS="c",START-DATE="${date}",END-ON-NEXT=YES`)(text),
        ),
    ],
    ['a CUE of both ends', /CUE is PRE and POST/, dateRange(`ID="a",START-DATE="${date}",CUE="PRE,POST"`)],
    ['SCTE-35 that is no bytes', /SCTE35-OUT is 0x1/, dateRange(`ID="a",START-DATE="${date}",SCTE35-OUT=0x1`)],
    ['an extension of no type', /X-A is YES/, dateRange(`ID="a",START-DATE="${date}",X-A=YES`)],
    [
      'a date range that changes',
      /date range a had X-A=\d+ and has/,
      (text, index) => dateRange(`ID="a",START-DATE="${date}",X-A=${index}`)(text),
      60,
    ],
    [
      'a date range that comes back',
      /date range a has come back/,
      (text, index) => (index % 2 === 0 ? text : dateRange(`ID="a",START-DATE="${date}"`)(text)),
      60,
    ],
    ['an update of nothing', /skips nothing/, withLine('#EXT-X-SKIP:SKIPPED-SEGMENTS=0')],
    ['an update that does not say how many', /how many segments/, withLine('#EXT-X-SKIP:SKIPPED-SEGMENTS=x')],
    [
      'an update with an old VERSION',
      /VERSION is 8/,
      (text) => withLine(skipOne)(text.replace('VERSION:9', 'VERSION:8')),
      60,
    ],
    [
      'an update of date ranges with an old VERSION',
      /VERSION is 9/,
      withLine(`${skipOne},RECENTLY-REMOVED-DATERANGES=""`),
      60,
    ],
    [
      'an update of date ranges that was not announced',
      /date ranges unannounced/,
      (text) => withLine(`${skipOne},RECENTLY-REMOVED-DATERANGES=""`)(text.replace('CAN-SKIP-DATERANGES=YES,', '')),
      60,
    ],
    [
      'an update behind the end',
      /update behind the end/,
      (text, index) => (index < lastState ? text : withLine(skipOne)(text)),
    ],
    ['an update first', /an update came first/, (text, index) => (index > 0 ? text : withLine(skipOne)(text))],
    [
      'an update of what nobody saw',
      /skips segment 70, which was never seen/,
      (text) => withLine(skipOne)(text.replace(/(MEDIA-SEQUENCE:)\d+/, '$170')),
      60,
    ],
  ])('reports %s', (_name, finding, change, from) => {
    expect(findingsAfter(change, from).join('\n')).toMatch(finding);
  });
});

describe('validateUpdate', () => {
  const [before, whole] = [0, 1].map(
    (more) => `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,CAN-SKIP-DATERANGES=YES,HOLD-BACK=6
#EXT-X-PART-INF:PART-TARGET=0.35
#EXT-X-MEDIA-SEQUENCE:3
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-DATERANGE:ID="a",START-DATE="${date}"
#EXT-X-MAP:URI="init.mp4"
${Array.from({ length: 8 + more }, (_, index) => `#EXTINF:2.0,\n${3 + index}.m4s\n`).join('')}`,
  ) as [string, string];
  const skipping = (count: number) =>
    whole.replace(
      new RegExp(`(#EXT-X-MAP.*\n)(?:#EXTINF.*\n.*\n){${count}}`),
      `#EXT-X-SKIP:SKIPPED-SEGMENTS=${count}\n$1`,
    );
  const findings = (update: string) => validateUpdate(parsePlaylist(before), update, parsePlaylist(whole)).join('\n');

  it('has nothing to say about what is right', () => {
    expect(findings(skipping(2))).toBe('');
  });

  it.each<[string, RegExp, string]>([
    ['too little left out', /skips 1 segments, 2 lie beyond/, skipping(1)],
    ['too much left out', /skips 4 segments, 2 lie beyond/, skipping(4)],
    ['nothing left out', /skips 0 segments, 2 lie beyond/, whole],
    ['another segment', /is not the whole playlist/, skipping(2).replace('9.m4s', '9x.m4s')],
    ['another MAP', /is not the whole playlist/, skipping(2).replace('init.mp4', 'init-1.mp4')],
    ['a missing date range', /is not the whole playlist/, skipping(2).replace(/#EXT-X-DATERANGE.*\n/, '')],
    [
      'a date range that is said to be gone',
      /is not the whole playlist/,
      skipping(2)
        .replace(/#EXT-X-DATERANGE.*\n/, '')
        .replace('SEGMENTS=2', 'SEGMENTS=2,RECENTLY-REMOVED-DATERANGES="a"'),
    ],
    ['what is no playlist', /does not begin with/, 'nothing'],
  ])('reports %s', (_name, finding, update) => {
    expect(findings(update)).toMatch(finding);
  });

  it('takes a date range that is left out from what was there', () => {
    const update = skipping(2)
      .replace(/#EXT-X-DATERANGE.*\n/, '')
      .replace('SEGMENTS=2', 'SEGMENTS=2,RECENTLY-REMOVED-DATERANGES=""');
    expect(findings(update)).toBe('');
  });
});

describe('validateReports', () => {
  it('compares what is reported with what is there', () => {
    const texts = new Map([...good].map(([name, history]) => [name, parsePlaylist(history[50] ?? '')]));
    const report = texts.get('video.m3u8')?.reports[0];
    const audio = (good.get('audio.m3u8') ?? []).find((text) => {
      const { open } = parsePlaylist(text);
      return open?.msn === report?.lastMsn && open?.parts.length === (report?.lastPart ?? 0) + 1;
    });
    const of = (text: string) => new Map([...texts, ['audio.m3u8', parsePlaylist(text)]]);
    const findings = (text: string) => validateReports(of(text)).filter((finding) => finding.startsWith('video'));
    expect(findings(audio ?? '')).toEqual([]);
    const unreported = new Map([...texts, ['other.m3u8', parsePlaylist(audio ?? '')]]);
    expect(validateReports(unreported)).toContain('video.m3u8 does not report other.m3u8, which is there');
    const later = good.get('audio.m3u8')?.at(-1) ?? '';
    expect(findings(later).join()).toContain('video.m3u8 reports audio.m3u8 at');
  });
});
