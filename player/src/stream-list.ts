/** The list of live streams, `GET /live/streams.json`, as a value that can be relied on. */

export interface VideoFacts {
  /** As in the playlist's CODECS, such as `avc1.64001f`. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number | undefined;
}

export interface AudioFacts {
  /** As in the playlist's CODECS, such as `mp4a.40.2`. */
  readonly codec: string;
  readonly sampleRate: number | undefined;
  readonly channels: number | undefined;
}

export interface StreamEntry {
  readonly app: string;
  readonly name: string;
  /** `waiting`: its publisher has left and may come back. */
  readonly state: 'live' | 'waiting';
  readonly sinceWallMs: number | undefined;
  readonly encoder: string | undefined;
  /** Path of the multivariant playlist on this page's own origin. */
  readonly playlist: string;
  readonly video: VideoFacts | undefined;
  readonly audio: AudioFacts | undefined;
  readonly bitsPerSecond: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function positiveOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** A path on our own origin: anything else in a playlist's place is not followed. */
function ownPathOf(value: unknown): string | undefined {
  const path = textOf(value);
  return path?.startsWith('/') && !path.startsWith('//') && !path.includes('\\') ? path : undefined;
}

function videoOf(value: unknown): VideoFacts | undefined {
  const fields = fieldsOf(value);
  const width = positiveOf(fields?.['width']);
  const height = positiveOf(fields?.['height']);
  if (fields === undefined || width === undefined || height === undefined) return undefined;
  return {
    codec: textOf(fields['codec']) ?? '',
    width,
    height,
    framesPerSecond: positiveOf(fields['framesPerSecond']),
  };
}

function audioOf(value: unknown): AudioFacts | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  return {
    codec: textOf(fields['codec']) ?? '',
    sampleRate: positiveOf(fields['sampleRate']),
    channels: positiveOf(fields['channels']),
  };
}

function entryOf(value: unknown): StreamEntry | undefined {
  const fields = fieldsOf(value);
  const name = textOf(fields?.['name']);
  const playlist = ownPathOf(fields?.['playlist']);
  if (fields === undefined || name === undefined || playlist === undefined) return undefined;
  const sinceWallMs = Date.parse(textOf(fields['since']) ?? '');
  return {
    app: textOf(fields['app']) ?? 'live',
    name,
    state: fields['state'] === 'live' ? 'live' : 'waiting',
    sinceWallMs: Number.isNaN(sinceWallMs) ? undefined : sinceWallMs,
    encoder: textOf(fields['encoder']),
    playlist,
    video: videoOf(fields['video']),
    audio: audioOf(fields['audio']),
    bitsPerSecond: positiveOf(fields['bitsPerSecond']),
  };
}

/**
 * Reads the body of `streams.json`. An entry without a name or without a playlist on this origin is left out; live
 * streams come first, then by name. Throws a TypeError when it is not a list of streams at all.
 */
export function parseStreamList(json: unknown): StreamEntry[] {
  const streams = fieldsOf(json)?.['streams'];
  if (!Array.isArray(streams)) throw new TypeError('streams.json holds no list of streams');
  return streams
    .map(entryOf)
    .filter((entry) => entry !== undefined)
    .sort((a, b) => a.state.localeCompare(b.state) || a.name.localeCompare(b.name));
}
