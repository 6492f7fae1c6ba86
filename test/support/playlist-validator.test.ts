import { describe, expect, it } from 'vitest';
import { changeLine, findingsAfter, goodState, lastState, withoutLines } from './broken-playlists.ts';
import { validateMultivariantPlaylist } from './multivariant-validator.ts';
import { validatePlaylist } from './playlist-validator.ts';

describe('validateMediaPlaylists', () => {
  it('has nothing to say about what the packager wrote', () => {
    expect(findingsAfter((text) => text)).toEqual([]);
    expect(lastState).toBeGreaterThan(50);
  });

  it.each<[string, RegExp, (text: string, index: number) => string, number?]>([
    ['what is no playlist', /does not begin with #EXTM3U/, (text) => text.slice(1)],
    ['no playlist at all', /there was no playlist/, () => 'nothing'],
    ['a missing TARGETDURATION', /0 times EXT-X-TARGETDURATION/, withoutLines(/TARGETDURATION/)],
    [
      'a missing DISCONTINUITY-SEQUENCE',
      /0 times EXT-X-DISCONTINUITY-SEQUENCE/,
      withoutLines(/DISCONTINUITY-SEQUENCE/),
    ],
    [
      'a tag that stands there twice',
      /2 times EXT-X-PART-INF/,
      (text) => text.replace(/(#EXT-X-PART-INF.*\n)/, '$1$1'),
    ],
    ['a TARGETDURATION of 1', /under 2/, (text) => text.replace(/TARGETDURATION:\d+/, 'TARGETDURATION:1')],
    ['CAN-BLOCK-RELOAD that is not YES', /CAN-BLOCK-RELOAD/, (text) => text.replace('RELOAD=YES', 'RELOAD=NO')],
    ['a small HOLD-BACK', /HOLD-BACK is 5/, (text) => text.replace(',HOLD-BACK=6', ',HOLD-BACK=5')],
    ['a missing HOLD-BACK', /HOLD-BACK is NaN/, (text) => text.replace(',HOLD-BACK=6', '')],
    [
      'a small PART-HOLD-BACK',
      /PART-HOLD-BACK is 1, /,
      (text) => text.replace('PART-HOLD-BACK=1.05', 'PART-HOLD-BACK=1'),
    ],
    ['no segment', /there is no segment/, (text) => text.slice(0, text.indexOf('#EXT-X-MAP'))],
    ['a segment without a date', /has no PROGRAM-DATE-TIME/, (text) => changeLine(text, /PROGRAM-DATE/, 1, () => '')],
    ['no MAP at the beginning', /is the first and has no MAP/, (text) => changeLine(text, /MAP/, 0, () => '')],
    [
      'no MAP after a discontinuity',
      /DISCONTINUITY and has no MAP/,
      (text) => changeLine(text, /MAP/, 1, () => ''),
      70,
    ],
    [
      'dates that jump',
      /PROGRAM-DATE-TIME goes on by/,
      (text) => changeLine(text, /PROGRAM-DATE/, 1, (line) => line.replace(/\d{3}Z/, '555Z')),
    ],
    [
      'dates that come apart bit by bit',
      /is -?\d+(\.\d+)? ms from where the segments before it end/,
      (text) => {
        let nth = 0;
        return text.replace(/(PROGRAM-DATE-TIME:)(\S+)/g, (_, tag: string, date: string) => {
          return `${tag}${new Date(Date.parse(date) + 25 * nth++).toISOString()}`;
        });
      },
    ],
    [
      'a part over PART-TARGET',
      /over PART-TARGET/,
      (text) => changeLine(text, /X-PART:/, 0, (line) => line.replace(/0\.33\d/, '0.351')),
    ],
    [
      'a part under 85 %',
      /under 85 % of PART-TARGET/,
      (text) => changeLine(text, /X-PART:/, 2, (line) => line.replace(/0\.33\d/, '0.29')),
    ],
    [
      'a part of no length',
      /lasts 0 s/,
      (text) => changeLine(text, /X-PART:/, 2, (line) => line.replace(/0\.33\d/, '0')),
    ],
    [
      'parts that do not add up',
      /its parts add up to/,
      (text) => changeLine(text, /X-PART:/, 2, (line) => line.replace(/0\.33\d/, '0.345')),
    ],
    ['a part that is listed twice', /listed twice/, (text) => text.replace(/(#EXT-X-PART:.*\n)/, '$1$1')],
    [
      'an EXTINF that rounds up',
      /rounds over TARGETDURATION/,
      (text) => changeLine(text, /EXTINF/, 0, () => '#EXTINF:2.50000,'),
    ],
    [
      'an EXTINF of nothing',
      /EXTINF of segment \d+ is 0/,
      (text) => changeLine(text, /EXTINF/, 0, () => '#EXTINF:0.00000,'),
    ],
    ['missing parts near the live end', /near the live end and has no parts/, withoutLines(/X-PART:/), 30],
    [
      'INDEPENDENT-SEGMENTS that is not true',
      /in spite of INDEPENDENT-SEGMENTS/,
      (text) => text.replace(',INDEPENDENT=YES', ''),
    ],
    [
      'a hint at what is there',
      /is there already/,
      (text) => text.replace(/(HINT:.*URI=)"[^"]*"/, `$1"${/#EXT-X-PART:.*URI="([^"]*)"/.exec(text)?.[1] ?? ''}"`),
    ],
    [
      'a hint at what cannot be next',
      /names e1\/video\/\d+\.\d+\.m4s, not \d+\.\d+\.m4s or/,
      (text) => text.replace(/(HINT:.*)\.m4s/, '$10.m4s'),
    ],
    [
      'a hint at another URI than the next part has',
      /PRELOAD-HINT named e2/,
      (text) => text.replace(/(HINT:.*URI=)"e1/, '$1"e2'),
    ],
    [
      'a hint after the end',
      /PRELOAD-HINT after the end/,
      (text, index) => (index < lastState ? text : `${text}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="x.m4s"\n`),
    ],
    ['no report on the other rendition', /no RENDITION-REPORT for audio/, withoutLines(/RENDITION-REPORT/)],
    [
      'a TARGETDURATION that changes',
      /TARGETDURATION has changed/,
      (text) => text.replace(/TARGETDURATION:\d/, 'TARGETDURATION:3'),
      20,
    ],
    ['a PART-TARGET that changes', /PART-TARGET has changed/, (text) => text.replace('TARGET=0.35', 'TARGET=0.36'), 20],
    [
      'a SERVER-CONTROL that changes',
      /SERVER-CONTROL has changed/,
      (text) => text.replace('BACK=1.05', 'BACK=1.5'),
      20,
    ],
    [
      'a TARGETDURATION of its own',
      /TARGETDURATION differs/,
      (text) => text.replace(/TARGETDURATION:\d/, 'TARGETDURATION:3'),
    ],
    ['a PART-TARGET of its own', /PART-TARGET differs/, (text) => text.replace('TARGET=0.35', 'TARGET=0.349')],
    ['a SERVER-CONTROL of its own', /SERVER-CONTROL differs/, (text) => text.replace('BACK=1.05', 'BACK=1.5')],
    [
      'a sequence number that goes back',
      /MEDIA-SEQUENCE went back/,
      (text) => text.replace(/SEQUENCE:\d+/, 'SEQUENCE:0'),
      80,
    ],
    ['segments that nobody saw', /never listed/, (text) => text.replace(/MEDIA-SEQUENCE:\d+/, 'MEDIA-SEQUENCE:99'), 60],
    [
      'a segment with another URI',
      /was e1\/video\/1\.m4s and is/,
      (text) => text.replace('e1/video/1.m4s', 'e1/video/1x.m4s'),
      30,
    ],
    [
      'a URI with another number',
      /m4s was segment \d+ and is/,
      (text) => text.replace(/MEDIA-SEQUENCE:\d+/, 'MEDIA-SEQUENCE:1'),
      30,
    ],
    ['a live end that goes back', /at the live end is there no more/, (_text, index) => goodState(index - 40), 60],
    [
      'a wrong DISCONTINUITY-SEQUENCE',
      /DISCONTINUITY-SEQUENCE is 4, not 0/,
      (text) => text.replace(/(DISCONTINUITY-SEQUENCE:)\d+/, '$14'),
      40,
    ],
    [
      'an EXTINF that changes',
      /EXTINF of segment \d+ has changed/,
      (text) => changeLine(text, /EXTINF/, 0, () => '#EXTINF:1.99000,'),
      20,
    ],
    [
      'a date that changes',
      /PROGRAM-DATE-TIME of segment \d+ has changed/,
      (text) => changeLine(text, /PROGRAM-DATE/, 0, (line) => line.replace(/\d{3}Z/, '010Z')),
      20,
    ],
    [
      'a discontinuity that comes late',
      /DISCONTINUITY of segment \d+ has changed/,
      (text) => changeLine(text, /EXTINF/, 1, (line) => `#EXT-X-DISCONTINUITY\n${line}`),
      20,
    ],
    [
      'a discontinuity of its own',
      /DISCONTINUITY of segment \d+ differs/,
      (text) => changeLine(text, /EXTINF/, 1, (line) => `#EXT-X-DISCONTINUITY\n${line}`),
    ],
    [
      'segments at other times than elsewhere',
      /ms apart/,
      (text) => text.replaceAll('DATE-TIME:2026', 'DATE-TIME:2027'),
    ],
    [
      'parts that are taken back',
      /are there no more/,
      (text, index) => (index % 5 === 0 ? text.slice(0, text.lastIndexOf('m4s\n') + 4) : text),
    ],
    [
      'a part with another URI',
      /has changed or is there no more/,
      (text, index) => (index % 3 === 0 ? text.replaceAll(/(\.\d)\.m4s/g, '$1x.m4s') : text),
    ],
    [
      'a change after the end',
      /changed after its end/,
      (text, index) => (index === lastState - 1 ? `${text}#EXT-X-ENDLIST\n` : text),
    ],
  ])('reports %s', (_name, finding, change, from) => {
    expect(findingsAfter(change, from).join('\n')).toMatch(finding);
  });
});

describe('validatePlaylist', () => {
  const multivariant = '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\na.m3u8\n';

  it('holds a media playlist to the rules of one, and says of what is none why', () => {
    expect(validatePlaylist(goodState(lastState))).toEqual([]);
    expect(validatePlaylist(withoutLines(/PROGRAM-DATE/)(goodState(lastState))).join()).toMatch(/no PROGRAM-DATE-TIME/);
    expect(validatePlaylist('nothing')).toEqual(['does not begin with #EXTM3U']);
  });

  it('holds a multivariant playlist to the rules of one', () => {
    const findings = validatePlaylist(multivariant);
    expect(findings).toEqual(validateMultivariantPlaylist(multivariant));
    expect(validatePlaylist(`${multivariant}#EXT-X-TARGETDURATION:2\n`).length).toBeGreaterThan(findings.length);
  });
});
