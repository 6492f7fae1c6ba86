/** A media playlist that somebody else has written, as lines that are not looked at further. */
export interface ReceivedPlaylist {
  readonly targetDurationSeconds: number;
  /** Of the first segment, skipped ones counted. */
  readonly mediaSequence: number;
  /** What stands for all of it; neither EXT-X-SKIP nor date ranges. */
  readonly head: readonly string[];
  readonly dateRanges: readonly string[];
  /** Of an update: what it leaves out (rfc8216bis §4.4.5.2). */
  readonly skip: SkippedPart | undefined;
  /** The lines of each complete segment, its URI last. */
  readonly segments: readonly (readonly string[])[];
  /** Of the segment that is growing. */
  readonly open: readonly string[];
  readonly renditionReports: readonly string[];
  readonly ended: boolean;
}

interface SkippedPart {
  readonly segments: number;
  /** Identifiers; `undefined` where date ranges are not left out. */
  readonly removedDateRanges: readonly string[] | undefined;
}

const segmentTag = /^#(?:EXTINF|EXT-X-(?:BYTERANGE|DISCONTINUITY$|KEY|MAP|PROGRAM-DATE-TIME|GAP|BITRATE|PART:))/;
const partTag = '#EXT-X-PART:';
const dateRangeTag = '#EXT-X-DATERANGE:';

/** Takes a media playlist apart; `undefined` where it is none that could be put together with another. */
export function receivedPlaylist(text: string): ReceivedPlaylist | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines[0] !== '#EXTM3U') return undefined;
  const [head, dateRanges, renditionReports]: [string[], string[], string[]] = [[], [], []];
  const segments: string[][] = [];
  let open: string[] = [];
  let skip: SkippedPart | undefined;
  let ended = false;
  for (const line of lines) {
    if (line.startsWith(dateRangeTag)) dateRanges.push(line);
    else if (line.startsWith('#EXT-X-SKIP:')) skip = skippedPart(line);
    else if (line.startsWith('#EXT-X-RENDITION-REPORT:')) renditionReports.push(line);
    else if (line === '#EXT-X-ENDLIST') ended = true;
    else if (segmentTag.test(line)) open.push(line);
    else if (line.startsWith('#')) {
      // What was to come next is not to be expected of a text that is kept.
      if (!line.startsWith('#EXT-X-PRELOAD-HINT:')) head.push(line);
    } else {
      segments.push([...open, line]);
      open = [];
    }
  }
  const targetDurationSeconds = integerOf(head, '#EXT-X-TARGETDURATION:');
  if (targetDurationSeconds === undefined) return undefined;
  const mediaSequence = integerOf(head, '#EXT-X-MEDIA-SEQUENCE:') ?? 0;
  return { targetDurationSeconds, mediaSequence, head, dateRanges, skip, segments, open, renditionReports, ended };
}

/** The whole playlist that an update makes of one from before (rfc8216bis §6.3.7); `undefined` where a segment is missing. */
export function updatedPlaylist(before: ReceivedPlaylist, update: ReceivedPlaylist): ReceivedPlaylist | undefined {
  const { skip } = update;
  if (skip === undefined) return update;
  const from = update.mediaSequence - before.mediaSequence;
  if (before.skip !== undefined || from < 0 || from + skip.segments > before.segments.length) return undefined;
  const skipped = before.segments.slice(from, from + skip.segments);
  const inForce = tagsInForce(before.segments.slice(0, from), skipped[0] ?? []);
  // What is left out is too far from the live end for its parts to be listed.
  const kept = skipped.map((lines) => lines.filter((line) => !line.startsWith(partTag)));
  return {
    ...update,
    skip: undefined,
    segments: [...kept.map((lines, index) => (index === 0 ? [...inForce, ...lines] : lines)), ...update.segments],
    dateRanges:
      skip.removedDateRanges === undefined
        ? update.dateRanges
        : updatedDateRanges(before.dateRanges, update.dateRanges, skip.removedDateRanges),
  };
}

export function receivedPlaylistText(playlist: ReceivedPlaylist): string {
  const { head, dateRanges, segments, open, renditionReports, ended } = playlist;
  const lines = [head, dateRanges, segments.flat(), open, renditionReports, ended ? ['#EXT-X-ENDLIST'] : []].flat();
  return `${lines.join('\n')}\n`;
}

/** The last sequence number of a complete segment, and how many parts there are behind it. */
export interface LiveEnd {
  readonly msn: number;
  readonly parts: number;
}

export function liveEnd({ mediaSequence, skip, segments, open }: ReceivedPlaylist): LiveEnd {
  return {
    msn: mediaSequence + (skip?.segments ?? 0) + segments.length - 1,
    parts: open.filter((line) => line.startsWith(partTag)).length,
  };
}

/** Initialisation segment and keys of a segment (rfc8216bis §4.4.4.4, §4.4.4.5), which were said before it. */
function tagsInForce(before: readonly (readonly string[])[], first: readonly string[]): string[] {
  let [map, keys]: [string | undefined, string[]] = [undefined, []];
  for (const lines of before) {
    map = lines.find(isMap) ?? map;
    const ownKeys = lines.filter(isKey);
    if (ownKeys.length > 0) keys = ownKeys;
  }
  return [...(map === undefined || first.some(isMap) ? [] : [map]), ...(first.some(isKey) ? [] : keys)];
}

const isMap = (line: string) => line.startsWith('#EXT-X-MAP:');
const isKey = (line: string) => line.startsWith('#EXT-X-KEY:');

function updatedDateRanges(before: readonly string[], added: readonly string[], removed: readonly string[]): string[] {
  const gone = new Set([...removed, ...added.map(idOf)]);
  return [...before.filter((line) => !gone.has(idOf(line))), ...added];
}

function idOf(dateRange: string): string {
  return /[:,]ID="([^"]*)"/.exec(dateRange)?.[1] ?? '';
}

function skippedPart(line: string): SkippedPart {
  const removed = /RECENTLY-REMOVED-DATERANGES="([^"]*)"/.exec(line)?.[1];
  return {
    segments: Number(/SKIPPED-SEGMENTS=(\d+)/.exec(line)?.[1] ?? 0),
    removedDateRanges: removed?.split('\t').filter((id) => id !== ''),
  };
}

function integerOf(head: readonly string[], tag: string): number | undefined {
  const digits = head.find((line) => line.startsWith(tag))?.slice(tag.length);
  return digits !== undefined && /^\d+$/.test(digits) ? Number(digits) : undefined;
}
