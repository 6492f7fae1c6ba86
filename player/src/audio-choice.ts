import { preferredAudioTrack, writeAudioPreference } from './audio-preference.ts';
import type { AudioTrackList } from './audio-tracks.ts';
import { Remembered } from './remembered.ts';

/** Remembers the track that the viewer chooses in the menu, and chooses it again in every list that has it. */
export function keepAudioChoice(controller: HTMLElement, tracks: AudioTrackList): void {
  const remembered = new Remembered('audio');
  controller.addEventListener(
    'mediaaudiotrackrequest',
    (event) => {
      const id: unknown = event instanceof CustomEvent ? event.detail : undefined;
      const chosen = [...tracks].find((track) => track.id === id);
      // The menu also asks for the track that is on already, each time it is told which one is.
      if (chosen !== undefined && !chosen.enabled) remembered.value = writeAudioPreference(chosen);
    },
    { capture: true },
  );
  tracks.addEventListener('addtrack', () => {
    if (remembered.value === undefined) return;
    const chosen = preferredAudioTrack([...tracks], remembered.value);
    if (chosen === undefined || chosen.enabled) return;
    for (const track of tracks) track.enabled = track === chosen;
  });
}
