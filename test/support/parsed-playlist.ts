/** A media playlist as text says it: for the validator, so nothing of the writer's code is used. */
export interface ParsedPlaylist {
  readonly text: string;
  readonly targetDurationSeconds: number;
  readonly partTargetSeconds: number;
  /** The tag's attributes as they stand there. */
  readonly serverControl: string;
  readonly holdBackSeconds: number;
  readonly partHoldBackSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly independentSegments: boolean;
  readonly segments: readonly ParsedSegment[];
  /** Parts after the last segment, and what stands before them. */
  readonly open: ParsedSegment | undefined;
  readonly preloadHintUri: string | undefined;
  readonly reportedUris: readonly string[];
  readonly ended: boolean;
}

export interface ParsedSegment {
  readonly msn: number;
  readonly uri: string;
  readonly durationSeconds: number;
  readonly parts: readonly ParsedPart[];
  readonly discontinuity: boolean;
  readonly gap: boolean;
  /** The EXT-X-MAP written for it, not one inherited. */
  readonly mapUri: string | undefined;
  readonly programDateTimeMs: number | undefined;
}

export interface ParsedPart {
  readonly uri: string;
  readonly durationSeconds: number;
  readonly independent: boolean;
  readonly gap: boolean;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`[:,]${name}=(?:"([^"]*)"|([^,]*))`).exec(tag);
  return match?.[1] ?? match?.[2];
}

/** Throws with a sentence for what no playlist may be. */
export function parsePlaylist(text: string): ParsedPlaylist {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines[0] !== '#EXTM3U') throw new Error('does not begin with #EXTM3U');
  const tag = (name: string): string => {
    const found = lines.filter((line) => line.startsWith(`#${name}:`));
    if (found.length !== 1) throw new Error(`has ${found.length} times ${name}`);
    return found[0] ?? '';
  };
  const integer = (name: string): number => {
    const value = tag(name).slice(name.length + 2);
    if (!/^\d+$/.test(value)) throw new Error(`${name} is ${value}`);
    return Number(value);
  };
  const serverControl = tag('EXT-X-SERVER-CONTROL');
  const mediaSequence = integer('EXT-X-MEDIA-SEQUENCE');
  const { segments, open } = parseSegments(lines, mediaSequence);
  return {
    text,
    targetDurationSeconds: integer('EXT-X-TARGETDURATION'),
    partTargetSeconds: Number(attribute(tag('EXT-X-PART-INF'), 'PART-TARGET')),
    serverControl,
    holdBackSeconds: Number(attribute(serverControl, 'HOLD-BACK')),
    partHoldBackSeconds: Number(attribute(serverControl, 'PART-HOLD-BACK')),
    mediaSequence,
    discontinuitySequence: integer('EXT-X-DISCONTINUITY-SEQUENCE'),
    independentSegments: lines.includes('#EXT-X-INDEPENDENT-SEGMENTS'),
    segments,
    open,
    preloadHintUri: lines
      .filter((line) => line.startsWith('#EXT-X-PRELOAD-HINT:'))
      .map((line) => attribute(line, 'URI'))[0],
    reportedUris: lines
      .filter((line) => line.startsWith('#EXT-X-RENDITION-REPORT:'))
      .map((line) => attribute(line, 'URI') ?? ''),
    ended: lines.includes('#EXT-X-ENDLIST'),
  };
}

function parseSegments(lines: readonly string[], mediaSequence: number) {
  const segments: ParsedSegment[] = [];
  const fresh = (): Writable<ParsedSegment> & { parts: ParsedPart[] } => ({
    msn: mediaSequence + segments.length,
    uri: '',
    durationSeconds: Number.NaN,
    parts: [],
    discontinuity: false,
    gap: false,
    mapUri: undefined,
    programDateTimeMs: undefined,
  });
  let current = fresh();
  for (const line of lines) {
    if (line === '#EXT-X-DISCONTINUITY') current.discontinuity = true;
    else if (line === '#EXT-X-GAP') current.gap = true;
    else if (line.startsWith('#EXT-X-MAP:')) current.mapUri = attribute(line, 'URI');
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) current.programDateTimeMs = Date.parse(line.slice(25));
    else if (line.startsWith('#EXTINF:')) current.durationSeconds = Number.parseFloat(line.slice(8));
    else if (line.startsWith('#EXT-X-PART:')) {
      current.parts.push({
        uri: attribute(line, 'URI') ?? '',
        durationSeconds: Number(attribute(line, 'DURATION')),
        independent: attribute(line, 'INDEPENDENT') === 'YES',
        gap: attribute(line, 'GAP') === 'YES',
      });
    } else if (!line.startsWith('#')) {
      current.uri = line;
      segments.push(current);
      current = fresh();
    }
  }
  return { segments, open: current.parts.length > 0 ? current : undefined };
}
