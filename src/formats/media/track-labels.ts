import { type Amf0Object, propertiesOf } from '../amf0/value.ts';
import type { DataMessage } from './data-message.ts';
import { trackNumber } from './track.ts';

/** What a publisher calls a track. */
export interface TrackLabel {
  readonly name: string | undefined;
  /** A tag of RFC 5646, such as `de` or `pt-BR`. */
  readonly language: string | undefined;
}

/** Names are shown in menus. */
const longestName = 64;
const languageTag = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/;
/** Enhanced RTMP v2 leaves open what stands in the maps of `onMetaData`: these are the words that encoders use. */
const nameKeys = ['name', 'title', 'label'] as const;
const languageKeys = ['language', 'lang'] as const;
/** Track ids are one byte. */
const trackIdText = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * What `onMetaData` says of single tracks (Enhanced RTMP v2, `audioTrackIdInfoMap` and `videoTrackIdInfoMap`), by the
 * number of the track.
 */
export function trackLabels({ values }: DataMessage): ReadonlyMap<number, TrackLabel> {
  const labels = new Map<number, TrackLabel>();
  for (const metadata of values.map(propertiesOf)) {
    for (const kind of ['video', 'audio'] as const) {
      for (const [id, info] of propertiesOf(metadata?.get(`${kind}TrackIdInfoMap`)) ?? []) {
        const trackId = Number(id);
        if (!trackIdText.test(id) || trackId > 255) continue;
        const name = textOf(propertiesOf(info), nameKeys)?.slice(0, longestName);
        const language = textOf(propertiesOf(info), languageKeys);
        labels.set(trackNumber({ kind, trackId }), {
          name,
          language: language !== undefined && languageTag.test(language) ? language : undefined,
        });
      }
    }
  }
  return labels;
}

function textOf(properties: Amf0Object | undefined, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = properties?.get(key);
    // Nothing that would end a line or a quoted-string of a playlist.
    const text = typeof value === 'string' ? value.replaceAll(/["\p{Cc}]/gu, '').trim() : '';
    if (text !== '') return text;
  }
  return undefined;
}
