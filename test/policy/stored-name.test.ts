import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStoredApplication, maxCandidates, storedName } from '../../src/policy/stored-name.ts';

const applications = ['cfx/st'];

/** What clients make of a URL; then the first file looked for, and the next. */
const forms: readonly (readonly [
  client: string,
  app: string,
  play: string,
  path: string,
  next: string,
  query?: string,
])[] = [
  ['ffmpeg …/cfx/st/dir/video.mp4', 'cfx/st', 'mp4:dir/video.mp4', 'dir/video.mp4', 'dir/video.mp4.mp4'],
  ['ffmpeg …/cfx/st/mp4:dir/video.mp4', 'cfx/st', 'mp4:dir/video.mp4', 'dir/video.mp4', 'dir/video.mp4.mp4'],
  ['ffmpeg …/cfx/st/mp4:dir/video', 'cfx/st', 'mp4:dir/video', 'dir/video', 'dir/video.mp4'],
  ['ffmpeg …/cfx/st/dir/video', 'cfx/st', 'dir/video', 'dir/video', 'dir/video.flv'],
  ['ffmpeg …/cfx/st/media.flv', 'cfx/st', 'media', 'media', 'media.flv'],
  ['ffmpeg …/cfx/st/flv:media', 'cfx/st', 'flv:media', 'media', 'media.flv'],
  ['ffmpeg …/cfx/st/mp3:song', 'cfx/st', 'mp3:song', 'song', 'song.mp3'],
  ['ffmpeg …/cfx/st/song.mp3', 'cfx/st', 'song.mp3', 'song.mp3', 'song.mp3.flv'],
  ['ffmpeg …/cfx/st/mp4%3Adir/video.mp4', 'cfx/st', 'mp4:mp4%3Adir/video.mp4', 'dir/video.mp4', 'dir/video.mp4.mp4'],
  ['rtmpdump -r …/cfx/st/mp4%3Adir/video.mp4', 'cfx/st/mp4%3Adir', 'mp4:video', 'dir/video', 'dir/video.mp4'],
  ['a name with the colon escaped', 'cfx/st', 'mp4%3Adir/video.mp4', 'dir/video.mp4', 'dir/video.mp4.mp4'],
  ['ffmpeg …/cfx/st//dir/video.mp4', 'cfx/st', 'mp4:/dir/video.mp4', 'dir/video.mp4', 'dir/video.mp4.mp4'],
  [
    'ffmpeg …?Expires=1',
    'cfx/st',
    'dir/video.mp4?Expires=1&x=a/b',
    'dir/video.mp4',
    'dir/video.mp4.flv',
    'Expires=1&x=a/b',
  ],
  ['an old signer', 'cfx/st', 'mp4:dir/video%3FExpires%3D1', 'dir/video', 'dir/video.mp4', 'Expires%3D1'],
  ['rtmpdump -r …/cfx/st/mp4:dir/video.mp4', 'cfx/st/mp4:dir', 'mp4:video', 'dir/video', 'dir/video.mp4'],
  ['rtmpdump -r …/cfx/st/mp4:video.mp4', 'cfx/st', 'mp4:video.mp4', 'video.mp4', 'video.mp4.mp4'],
  ['rtmpdump -r …/cfx/st/dir/video.mp4', 'cfx/st/dir', 'mp4:video', 'dir/video', 'dir/video.mp4'],
  ['rtmpdump -r …/cfx/st/a/b/video.mp4', 'cfx/st/a', 'mp4:b/video', 'a/b/video', 'a/b/video.mp4'],
  ['rtmpdump -r …/cfx/st/media.flv', 'cfx/st', 'media', 'media', 'media.flv'],
  ['rtmpdump -r …/cfx/st/mp3:dir/song.mp3', 'cfx/st/mp3:dir', 'mp3:song', 'dir/song', 'dir/song.mp3'],
  ['rtmpdump -r …/cfx/st/mp3:dir/song', 'cfx/st/mp3:dir', 'song', 'dir/song', 'dir/song.mp3'],
  ['rtmpdump -r …?Expires=1', 'cfx/st/mp4:dir', 'mp4:video?Expires=1', 'dir/video', 'dir/video.mp4', 'Expires=1'],
  ['rtmpdump --rtmp …/cfx/st --playpath', 'cfx', 'mp4:dir/video.mp4', 'dir/video.mp4', 'dir/video.mp4.mp4'],
  ['rtmpdump --rtmp …/cfx/st/ --playpath', 'cfx/st/', 'dir/video', 'dir/video', 'dir/video.flv'],
  ['the rest of the application in the name', 'cfx', 'st/mp4:dir/video', 'dir/video', 'dir/video.mp4'],
  ['an application with a query', 'cfx/st?Expires=1', 'mp4:video', 'video', 'video.mp4'],
  ['the container in capitals', 'cfx/st', 'MP4:Dir/Video', 'Dir/Video', 'Dir/Video.mp4'],
  ['a slash before the container', 'cfx/st', '/mp4:dir/video', 'dir/video', 'dir/video.mp4'],
  ['spaces, escaped', 'cfx/st', 'mp4:my%20holiday', 'my holiday', 'my holiday.mp4'],
  ['letters of all languages', 'cfx/st', 'mp4:Z%C3%BCrich/山', 'Zürich/山', 'Zürich/山.mp4'],
  ['a percent sign, read by rtmpdump already', 'cfx/st', 'mp4:100%', '100%', '100%.mp4'],
  ['a dot that begins no extension', 'cfx/st', 'mp4:clip.v2', 'clip.v2', 'clip.v2.mp4'],
];

describe('storedName', () => {
  const rows = forms.map(([client, app, play, path, next, query]) => ({ client, app, play, path, next, query }));

  it.each(rows)('$client: $app + $play is $path', ({ app, play, path, next, query = '' }) => {
    const named = storedName(applications, app, play);
    expect(named).toMatchObject({ kind: 'stored', application: 'cfx/st', path, query });
    if (named?.kind !== 'stored') return;
    expect(named.candidates.slice(0, 2)).toEqual([path, next]);
  });

  it('tries all that can have been left out, the extension of the container first', () => {
    const named = storedName(applications, 'cfx/st', 'mp4:video');
    expect(named?.kind === 'stored' && named.candidates).toEqual([
      'video',
      ...['.mp4', '.f4v', '.mov', '.m4v', '.m4a', '.f4a', '.mp3', '.flv'].map((extension) => `video${extension}`),
    ]);
    const song = storedName(applications, 'cfx/st', 'mp3:song');
    expect(song?.kind === 'stored' && song.candidates.slice(0, 3)).toEqual(['song', 'song.mp3', 'song.m4a']);
  });

  it('looks for little more than what is named where the extension is there', () => {
    const named = storedName(applications, 'cfx/st', 'mp4:video.MOV');
    expect(named?.kind === 'stored' && named.candidates).toEqual(['video.MOV', 'video.MOV.mp4']);
  });

  it.each([
    ['traversal', 'mp4:../secret.mp4'],
    ['traversal within', 'mp4:dir/../../secret.mp4'],
    ['escaped traversal', 'mp4:%2e%2e/secret.mp4'],
    ['a dot segment', 'mp4:./video.mp4'],
    ['an escaped slash', 'mp4:dir%2Fvideo.mp4'],
    ['an escaped backslash', 'mp4:dir%5Cvideo.mp4'],
    ['a backslash', 'mp4:dir\\video.mp4'],
    ['a NUL', 'mp4:video.mp4\0.jpg'],
    ['an escaped NUL', 'mp4:video%00.mp4'],
    ['a line feed', 'mp4:video\n.mp4'],
    ['an empty segment', 'mp4:dir//video.mp4'],
    ['overlong UTF-8', 'mp4:%C0%AE%C0%AE/secret.mp4'],
    ['an escape that is no UTF-8', 'mp4:%FF.mp4'],
    ['nothing', ''],
    ['a container alone', 'mp4:'],
    ['a query alone', '?Expires=1'],
    ['a folder', 'mp4:dir/'],
    ['a long segment', `mp4:${'a'.repeat(256)}`],
    ['a long path', `mp4:${'abcdefghi/'.repeat(103)}video`],
  ])('refuses %s with InvalidURI', (_, play) => {
    expect(storedName(applications, 'cfx/st', play)).toMatchObject({ kind: 'invalid', code: 'InvalidURI' });
  });

  it('refuses traversal that comes with the application', () => {
    expect(storedName(applications, 'cfx/st/..', 'mp4:video')).toMatchObject({ kind: 'invalid' });
    expect(storedName(applications, 'cfx/st/mp4:..', 'video')).toMatchObject({ kind: 'invalid' });
  });

  it('says nothing of the query in a refusal', () => {
    const named = storedName(applications, 'cfx/st', 'mp4:../a?Signature=secret');
    expect(JSON.stringify(named)).not.toContain('secret');
  });

  it.each(['live', 'cf', 'cfx/stage', 'cfx/other', '', 'st'])('has nothing to do with the application %j', (app) => {
    expect(storedName(applications, app, 'mp4:video')).toBeUndefined();
    expect(isStoredApplication(applications, app)).toBe(false);
  });

  it('takes the longest of several applications, and where some of it is missing the one that the name begins with', () => {
    const several = ['vod', 'vod/hd', 'cfx/st', 'cfx/hd'];
    expect(storedName(several, 'vod/hd/dir', 'mp4:video')).toMatchObject({ application: 'vod/hd', path: 'dir/video' });
    expect(storedName(several, 'vod/dir', 'mp4:video')).toMatchObject({ application: 'vod', path: 'dir/video' });
    expect(storedName(several, 'cfx', 'hd/mp4:video')).toMatchObject({ application: 'cfx/hd', path: 'video' });
    expect(storedName(several, 'cfx', 'mp4:video')).toMatchObject({ application: 'cfx/st', path: 'video' });
  });

  it('leads nowhere but below the library, whatever comes', () => {
    const piece = fc.oneof(
      fc.constantFrom('..', '.', '/', '%2e', '%2F', '\\', ':', 'mp4:', '%', '\0', '?', 'a', 'ü', '%3F', '%25', '//'),
      fc.string({ maxLength: 4 }),
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, (rest, play) => {
        const named = storedName(applications, `cfx/st/${rest}`, play);
        if (named?.kind !== 'stored') return;
        expect(named.candidates.length).toBeLessThanOrEqual(maxCandidates);
        for (const candidate of named.candidates) {
          expect(candidate).not.toMatch(/[\0\\]/);
          for (const segment of candidate.split('/')) expect(['', '.', '..']).not.toContain(segment);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
