import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PackagedPlaylists } from '../../src/origin/packaged-playlists.ts';
import { onPlaylistFinding } from './judging-playlists.ts';
import { PublishedStream } from './published-stream.ts';
import { videoConfig, videoUnits } from './synthetic-units.ts';

let findings: string[];
let putBack: () => void;

beforeEach(() => {
  findings = [];
  putBack = onPlaylistFinding((finding) => findings.push(finding.split('\n')[0] ?? ''));
});

afterEach(() => putBack());

function publishedFor(seconds: number) {
  const published = new PublishedStream();
  published.start([videoConfig]);
  published.send(videoUnits({ seconds }));
  const { packager } = published;
  const [rendition] = packager.renditions;
  if (rendition === undefined || packager.targets === undefined) throw new Error('nothing is packaged');
  const source = {
    epoch: 'e1',
    targets: packager.targets,
    renditions: packager.renditions,
    isPublished: true,
    ended: false,
    dateRanges: packager.metadata.dateRanges,
    keys: undefined,
    nowMs: 0,
  };
  return { rendition, source };
}

describe('what is written by PackagedPlaylists in a test', () => {
  it('is held to the rules, unseen', () => {
    const { rendition, source } = publishedFor(8);
    new PackagedPlaylists().media(source, rendition);
    expect(findings).toEqual([]);
    new PackagedPlaylists().media({ ...source, targets: { ...source.targets, targetDurationSeconds: 1 } }, rendition);
    expect(findings).toContain('video.m3u8, state 0: TARGETDURATION is 1, under 2');
  });

  it('is held to what was written before it', () => {
    const { rendition, source } = publishedFor(8);
    const playlists = new PackagedPlaylists();
    playlists.media(source, rendition);
    playlists.clear();
    playlists.media({ ...source, targets: { ...source.targets, targetDurationSeconds: 3 } }, rendition);
    expect(findings).toContain('video.m3u8, state 1: TARGETDURATION has changed');
  });

  it('is held to its update', () => {
    const { rendition, source } = publishedFor(40);
    const playlists = new PackagedPlaylists();
    const whole = playlists.media(source, rendition);
    expect(playlists.media(source, rendition, 'YES')).not.toBe(whole);
    expect(findings).toEqual([]);
  });
});
