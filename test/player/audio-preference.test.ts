import { describe, expect, it } from 'vitest';
import { formatAudioTrack, preferredAudioTrack, writeAudioPreference } from '../../player/src/audio-preference.ts';

const german = { label: 'Deutsch', language: 'de' };
const english = { label: 'English', language: 'en' };
const commentary = { label: 'English & commentary', language: 'en' };
const unnamed = { label: 'Audio 2', language: '' };

describe('preferredAudioTrack', () => {
  it.each([
    { chosen: commentary, tracks: [german, english, commentary], preferred: commentary },
    { chosen: commentary, tracks: [german, english], preferred: english },
    {
      chosen: english,
      tracks: [german, { label: 'A', language: 'en-US' }],
      preferred: { label: 'A', language: 'en-US' },
    },
    { chosen: { label: 'B', language: 'EN-gb' }, tracks: [german, english], preferred: english },
    { chosen: english, tracks: [german, { label: 'English', language: 'fr' }], preferred: undefined },
    { chosen: unnamed, tracks: [german, unnamed], preferred: unnamed },
    { chosen: unnamed, tracks: [german, { label: 'Audio 1', language: '' }], preferred: undefined },
    { chosen: english, tracks: [], preferred: undefined },
  ])('finds $preferred.label for $chosen.label among $tracks', ({ chosen, tracks, preferred }) => {
    expect(preferredAudioTrack(tracks, writeAudioPreference(chosen))).toEqual(preferred);
  });

  it('finds nothing for what nobody wrote', () => {
    expect(preferredAudioTrack([german, unnamed], 'nonsense')).toBeUndefined();
  });
});

describe('formatAudioTrack', () => {
  it.each([
    [german, 'Deutsch'],
    [english, 'English'],
    [commentary, 'English & commentary'],
    [unnamed, 'Audio 2'],
    [{ label: 'Audio 2', language: 'en' }, 'Audio 2 (English)'],
    [{ label: 'Guide', language: 'de' }, 'Guide (German)'],
    [{ label: 'Audio 2', language: 'und' }, 'Audio 2'],
    [{ label: 'Audio 2', language: 'not a tag' }, 'Audio 2 (not a tag)'],
    [{ label: '', language: 'fr' }, 'French'],
  ])('writes %o as %s', (track, text) => {
    expect(formatAudioTrack(track)).toBe(text);
  });
});
