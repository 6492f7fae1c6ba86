import { afterEach, expect } from 'vitest';
import { onPlaylistFinding } from './judging-playlists.ts';

let findings: string[] = [];
onPlaylistFinding((finding) => findings.push(finding));

afterEach(() => {
  const found = findings;
  findings = [];
  expect(found, 'what the playlists break that were written in this test').toEqual([]);
});
