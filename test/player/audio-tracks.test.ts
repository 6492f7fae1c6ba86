import { describe, expect, it } from 'vitest';
import { AudioTracks } from '../../player/src/audio-tracks.ts';

function twoTracks(): { readonly tracks: AudioTracks; readonly events: string[] } {
  const tracks = new AudioTracks();
  const events: string[] = [];
  for (const type of ['addtrack', 'removetrack', 'change']) tracks.addEventListener(type, () => events.push(type));
  tracks.replace([
    { name: 'Deutsch', lang: 'de', default: true },
    { name: 'Audio 2', default: false },
  ]);
  return { tracks, events };
}

describe('AudioTracks', () => {
  it('gives names, languages and the default as the playlist says them, and none that is on', () => {
    const { tracks, events } = twoTracks();
    expect([...tracks]).toEqual([
      { id: '0', kind: 'main', label: 'Deutsch', language: 'de', enabled: false },
      { id: '1', kind: 'alternative', label: 'Audio 2', language: '', enabled: false },
    ]);
    expect(tracks.length).toBe(2);
    expect(tracks.selectedIndex).toBe(-1);
    expect(events).toEqual(['addtrack']);
  });

  it('has one on at a time, and says each change once', () => {
    const { tracks, events } = twoTracks();
    const enabled = () => [...tracks].map((track) => track.enabled);
    tracks.selectedIndex = 0;
    expect(enabled()).toEqual([true, false]);
    // The way of media-chrome's menu.
    for (const track of tracks) track.enabled = track.id === '1';
    expect(enabled()).toEqual([false, true]);
    expect(tracks.selectedIndex).toBe(1);
    for (const track of tracks) track.enabled = false;
    expect(tracks.selectedIndex).toBe(1);
    expect(events).toEqual(['addtrack', 'change', 'change']);
  });

  it('selects none of the tracks that take the place of others', () => {
    const { tracks, events } = twoTracks();
    const [first] = tracks;
    tracks.selectedIndex = 1;
    tracks.replace([{ name: 'Deutsch', lang: 'de', default: true }]);
    expect(tracks.selectedIndex).toBe(-1);
    expect([...tracks].map(({ enabled }) => enabled)).toEqual([false]);
    tracks.replace([]);
    expect(events).toEqual(['addtrack', 'change', 'change', 'addtrack', 'removetrack']);
    expect(first?.enabled).toBe(false);
  });
});
