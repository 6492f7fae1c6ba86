/** What a track is remembered by: its number differs from stream to stream. */
export interface NamedTrack {
  readonly label: string;
  /** A tag of BCP 47, or nothing. */
  readonly language: string;
}

/** A choice as text, to be remembered. */
export function writeAudioPreference({ label, language }: NamedTrack): string {
  return new URLSearchParams({ language, label }).toString();
}

/**
 * The track that suits a choice as `writeAudioPreference` wrote it: the same one; else another in its language; else one
 * in a variety of that language, as `pt` for `pt-BR`. Undefined when nothing suits.
 */
export function preferredAudioTrack<Track extends NamedTrack>(
  tracks: readonly Track[],
  preference: string,
): Track | undefined {
  const wanted = new URLSearchParams(preference);
  const label = wanted.get('label') ?? '';
  const language = wanted.get('language') ?? '';
  const same = tracks.find((track) => track.label === label && track.language === language);
  if (same !== undefined || language === '') return same;
  return (
    tracks.find((track) => track.language === language) ??
    tracks.find((track) => primarySubtag(track.language) === primarySubtag(language))
  );
}

function primarySubtag(language: string): string | undefined {
  return language.toLowerCase().split('-')[0];
}

/** The name of a track, with its language in words where the name does not say it. */
export function formatAudioTrack({ label, language }: NamedTrack): string {
  if (language === '' || language === 'und') return label;
  const inEnglish = languageName(language, 'en');
  if (label === '') return inEnglish;
  const names = [inEnglish, languageName(language, language)];
  const says = names.some((name) => label.toLowerCase().includes(name.toLowerCase()));
  return says ? label : `${label} (${inEnglish})`;
}

/** Encoders send what they like as a tag: what is none stays as it is. */
function languageName(language: string, inLanguage: string): string {
  try {
    return new Intl.DisplayNames([inLanguage], { type: 'language' }).of(language) ?? language;
  } catch {
    return language;
  }
}
