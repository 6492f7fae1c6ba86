/** A media playlist as text says it: for the validator, so nothing of the writer's code is used. */
export interface ParsedPlaylist {
  readonly text: string;
  readonly version: number;
  readonly targetDurationSeconds: number;
  /** NaN where there is none. */
  readonly partTargetSeconds: number;
  /** The tag's attributes as they stand there. */
  readonly serverControl: string;
  readonly holdBackSeconds: number;
  readonly partHoldBackSeconds: number;
  readonly canSkipUntilSeconds: number;
  readonly canSkipDateRanges: boolean;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly independentSegments: boolean;
  readonly iFramesOnly: boolean;
  /** Of version 3, for old players: media without initialisation segments, and nothing of low latency. */
  readonly isPlain: boolean;
  /** What an update leaves out. */
  readonly skip: { readonly segments: number; readonly removedIds: readonly string[] | undefined } | undefined;
  /** Those that are written out. */
  readonly segments: readonly ParsedSegment[];
  /** Parts after the last segment, and what stands before them. */
  readonly open: ParsedSegment | undefined;
  readonly preloadHintUris: readonly string[];
  readonly reports: readonly ParsedReport[];
  readonly dateRanges: readonly Attributes[];
  readonly ended: boolean;
}

export interface ParsedSegment {
  readonly msn: number;
  readonly uri: string;
  /** As it stands there. */
  readonly byteRange: string | undefined;
  readonly durationSeconds: number;
  readonly parts: readonly ParsedPart[];
  readonly discontinuity: boolean;
  /** Tags of it before the segment. */
  readonly discontinuities: number;
  readonly gap: boolean;
  /** The EXT-X-MAP written for it, not one inherited. */
  readonly mapUri: string | undefined;
  /** Which initialisation segment and which keys apply, written for it or inherited. */
  readonly initUri: string | undefined;
  readonly keys: string;
  readonly programDateTimeMs: number | undefined;
  /** Tags that stand behind its first part and should not. */
  readonly lateTags: readonly string[];
}

export interface ParsedPart {
  readonly uri: string;
  readonly durationSeconds: number;
  readonly independent: boolean;
  readonly gap: boolean;
}

export interface ParsedReport {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart: number | undefined;
}

/** By name; quoted strings with their quotes. */
export type Attributes = ReadonlyMap<string, string>;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const onlyOnce = new Set([
  'EXT-X-VERSION',
  'EXT-X-TARGETDURATION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-SERVER-CONTROL',
  'EXT-X-PART-INF',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-I-FRAMES-ONLY',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-ENDLIST',
  'EXT-X-SKIP',
]);
const others = [
  'EXTM3U',
  'EXTINF',
  'EXT-X-BYTERANGE',
  'EXT-X-DATERANGE',
  'EXT-X-DISCONTINUITY',
  'EXT-X-GAP',
  'EXT-X-KEY',
  'EXT-X-MAP',
  'EXT-X-PART',
  'EXT-X-PRELOAD-HINT',
  'EXT-X-PROGRAM-DATE-TIME',
  'EXT-X-RENDITION-REPORT',
];
const knownTags = new Set([...onlyOnce, ...others]);
const oneAttribute = /([A-Z0-9-]+)=("[^"]*"|[^",\s][^",]*)(?:,|$)/y;

/** The attribute list of a tag; throws where it is none, or names an attribute twice (rfc8216bis §4.2). */
export function attributesOf(tag: string): Attributes {
  const attributes = new Map<string, string>();
  oneAttribute.lastIndex = tag.indexOf(':') + 1;
  while (oneAttribute.lastIndex < tag.length) {
    const [all, name = '', value = ''] = oneAttribute.exec(tag) ?? [];
    if (all === undefined) throw new Error(`is no attribute list: ${tag}`);
    if (attributes.has(name)) throw new Error(`has ${name} twice: ${tag}`);
    attributes.set(name, value);
  }
  return attributes;
}

/** Without the quotes. */
export function quoted(attributes: Attributes, name: string): string | undefined {
  return attributes.get(name)?.replaceAll('"', '');
}

function numeric(attributes: Attributes, name: string): number {
  const value = attributes.get(name);
  return value === undefined || !/^\d+(?:\.\d+)?$/.test(value) ? Number.NaN : Number(value);
}

/** Throws with a sentence for what no playlist may be. */
export function parsePlaylist(text: string): ParsedPlaylist {
  if (/[^\P{Cc}\n\t]/u.test(text)) throw new Error('has a control character');
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines[0] !== '#EXTM3U') throw new Error('does not begin with #EXTM3U');
  const tags = tagsOf(lines);
  const tag = (name: string): string | undefined => tags.get(name)?.[0];
  const integer = (name: string): number => {
    const value = tag(name)?.slice(name.length + 2);
    if (value === undefined) throw new Error(`has 0 times ${name}`);
    if (!/^\d+$/.test(value)) throw new Error(`${name} is ${value}`);
    return Number(value);
  };
  const all = (name: string) => (tags.get(name) ?? []).map(attributesOf);
  const serverControl = tag('EXT-X-SERVER-CONTROL');
  const isPlain = tag('EXT-X-VERSION') === '#EXT-X-VERSION:3';
  if (serverControl === undefined && !isPlain) throw new Error('has 0 times EXT-X-SERVER-CONTROL');
  const control: Attributes = serverControl === undefined ? new Map() : attributesOf(serverControl);
  const [skip] = all('EXT-X-SKIP');
  const mediaSequence = integer('EXT-X-MEDIA-SEQUENCE');
  const skipped = skip === undefined ? 0 : numeric(skip, 'SKIPPED-SEGMENTS');
  if (Number.isNaN(skipped)) throw new Error('EXT-X-SKIP does not say how many segments');
  const removed = skip && quoted(skip, 'RECENTLY-REMOVED-DATERANGES');
  const [partInf] = all('EXT-X-PART-INF');
  return {
    text,
    version: integer('EXT-X-VERSION'),
    targetDurationSeconds: integer('EXT-X-TARGETDURATION'),
    partTargetSeconds: partInf === undefined ? Number.NaN : numeric(partInf, 'PART-TARGET'),
    serverControl: serverControl ?? '',
    holdBackSeconds: numeric(control, 'HOLD-BACK'),
    partHoldBackSeconds: numeric(control, 'PART-HOLD-BACK'),
    canSkipUntilSeconds: numeric(control, 'CAN-SKIP-UNTIL'),
    canSkipDateRanges: control.get('CAN-SKIP-DATERANGES') === 'YES',
    mediaSequence,
    discontinuitySequence: integer('EXT-X-DISCONTINUITY-SEQUENCE'),
    independentSegments: tag('EXT-X-INDEPENDENT-SEGMENTS') !== undefined,
    iFramesOnly: tag('EXT-X-I-FRAMES-ONLY') !== undefined,
    isPlain,
    skip: skip && {
      segments: skipped,
      removedIds: removed === undefined ? undefined : removed.split('\t').filter((id) => id !== ''),
    },
    ...parseSegments(lines, mediaSequence + skipped),
    preloadHintUris: all('EXT-X-PRELOAD-HINT').map((hint) => quoted(hint, 'URI') ?? ''),
    reports: all('EXT-X-RENDITION-REPORT').map((report) => ({
      uri: quoted(report, 'URI') ?? '',
      lastMsn: numeric(report, 'LAST-MSN'),
      lastPart: report.has('LAST-PART') ? numeric(report, 'LAST-PART') : undefined,
    })),
    dateRanges: all('EXT-X-DATERANGE'),
    ended: tag('EXT-X-ENDLIST') !== undefined,
  };
}

function nameOf(line: string): string | undefined {
  if (!line.startsWith('#EXT')) return undefined;
  const end = line.indexOf(':');
  return line.slice(1, end < 0 ? undefined : end);
}

const ofMedia = new Set(['EXTINF', 'EXT-X-PART', 'EXT-X-MAP', 'EXT-X-DISCONTINUITY', 'EXT-X-GAP']);

/** By their names. Throws where there are others or too many, or what is said of the whole stands behind a segment. */
function tagsOf(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const tags = new Map<string, string[]>();
  let isInMedia = false;
  for (const line of lines) {
    const name = nameOf(line);
    if (name === undefined) continue;
    if (!knownTags.has(name)) throw new Error(`has ${name}, which is no tag of a media playlist`);
    const same = tags.get(name);
    if (same === undefined) tags.set(name, [line]);
    else same.push(line);
    if (isInMedia && name !== 'EXT-X-ENDLIST' && onlyOnce.has(name)) {
      throw new Error(`has ${name} behind the first segment`);
    }
    isInMedia ||= ofMedia.has(name);
  }
  for (const name of onlyOnce) {
    const count = tags.get(name)?.length ?? 0;
    if (count > 1) throw new Error(`has ${count} times ${name}`);
  }
  return tags;
}

const ofSegments = new Set(['EXT-X-DISCONTINUITY', 'EXT-X-KEY', 'EXT-X-MAP', 'EXT-X-PROGRAM-DATE-TIME']);

function parseSegments(lines: readonly string[], firstMsn: number) {
  const segments: ParsedSegment[] = [];
  let initUri: string | undefined;
  let keys: string[] = [];
  const fresh = (): Writable<ParsedSegment> & { parts: ParsedPart[]; lateTags: string[] } => ({
    msn: firstMsn + segments.length,
    uri: '',
    byteRange: undefined,
    durationSeconds: Number.NaN,
    parts: [],
    discontinuity: false,
    discontinuities: 0,
    gap: false,
    mapUri: undefined,
    initUri: undefined,
    keys: '',
    programDateTimeMs: undefined,
    lateTags: [],
  });
  let current = fresh();
  for (const line of lines) {
    const name = nameOf(line);
    if (current.parts.length > 0 && name !== undefined && ofSegments.has(name)) current.lateTags.push(line);
    if (name === 'EXT-X-DISCONTINUITY') {
      current.discontinuity = true;
      current.discontinuities++;
    } else if (name === 'EXT-X-GAP') current.gap = true;
    else if (name === 'EXT-X-MAP') initUri = current.mapUri = quoted(attributesOf(line), 'URI');
    else if (name === 'EXT-X-KEY') keys = keysAfter(keys, line);
    else if (name === 'EXT-X-PROGRAM-DATE-TIME') current.programDateTimeMs = Date.parse(line.slice(25));
    else if (name === 'EXT-X-BYTERANGE') current.byteRange = line.slice(17);
    else if (name === 'EXTINF') current.durationSeconds = Number.parseFloat(line.slice(8));
    else if (name === 'EXT-X-PART') {
      const attributes = attributesOf(line);
      current.parts.push({
        uri: quoted(attributes, 'URI') ?? '',
        durationSeconds: numeric(attributes, 'DURATION'),
        independent: attributes.get('INDEPENDENT') === 'YES',
        gap: attributes.get('GAP') === 'YES',
      });
    } else if (!line.startsWith('#')) {
      Object.assign(current, { uri: line, initUri, keys: keys.join('\n') });
      segments.push(current);
      current = fresh();
    }
  }
  Object.assign(current, { initUri, keys: keys.join('\n') });
  return { segments, open: current.parts.length > 0 ? current : undefined };
}

/** A key holds until another of its format, or METHOD=NONE (rfc8216bis §4.4.4.4). */
function keysAfter(keys: readonly string[], tag: string): string[] {
  const attributes = attributesOf(tag);
  if (attributes.get('METHOD') === 'NONE') return [];
  const formatOf = (key: string) => quoted(attributesOf(key), 'KEYFORMAT') ?? 'identity';
  return [...keys.filter((key) => formatOf(key) !== formatOf(tag)), tag].sort();
}
