import { type Attributes, type ParsedPlaylist, type ParsedSegment, quoted } from './parsed-playlist.ts';
import { checkHints } from './preload-hints.ts';

export type Report = (finding: string) => void;

/** Milliseconds in PROGRAM-DATE-TIME, five decimals in EXTINF, and audio that is slewed. */
const dateToleranceMs = 30;
/** EXTINF is rounded, and added up. */
const sumToleranceSeconds = 0.001;
const leastPartFill = 0.85;
const rounding = 1e-6;

/** What must hold within one text of a media playlist. */
export function checkPlaylist(playlist: ParsedPlaylist, report: Report): void {
  checkHead(playlist, report);
  const all = playlist.open === undefined ? playlist.segments : [...playlist.segments, playlist.open];
  if (playlist.segments.length === 0) report('there is no segment');
  all.forEach((segment, index) => checkSegment(playlist, segment, index === 0, report));
  playlist.segments.forEach((segment, index) => checkDuration(playlist, segment, all[index + 1], report));
  if (!playlist.iFramesOnly) checkRunDates(all, report);
  if (!playlist.iFramesOnly && !playlist.isPlain) checkListedParts(playlist, report);
  const listed = all.flatMap(({ parts }) => parts.map(({ uri }) => uri));
  if (new Set(listed).size < listed.length) report('a part is listed twice');
  checkHints(playlist, listed, report);
  checkReports(playlist, report);
  checkDateRanges(playlist, report);
}

function checkHead(playlist: ParsedPlaylist, report: Report): void {
  const { targetDurationSeconds, partTargetSeconds, version, skip } = playlist;
  if (targetDurationSeconds < 2) report(`TARGETDURATION is ${targetDurationSeconds}, under 2`);
  if (playlist.isPlain) {
    checkPlain(playlist, report);
    return;
  }
  if (version < (skip?.removedIds !== undefined ? 10 : skip !== undefined ? 9 : 6)) report(`VERSION is ${version}`);
  if (!playlist.serverControl.includes('CAN-BLOCK-RELOAD=YES')) report('CAN-BLOCK-RELOAD is not YES');
  if (!(playlist.holdBackSeconds >= 3 * targetDurationSeconds - rounding)) {
    report(`HOLD-BACK is ${playlist.holdBackSeconds}, under 3 × TARGETDURATION`);
  }
  if (playlist.serverControl.includes('CAN-SKIP-UNTIL') || playlist.canSkipDateRanges || skip !== undefined) {
    if (!(playlist.canSkipUntilSeconds >= 6 * targetDurationSeconds - rounding)) {
      report(`CAN-SKIP-UNTIL is ${playlist.canSkipUntilSeconds}, under 6 × TARGETDURATION`);
    }
  }
  if (skip !== undefined && skip.segments < 1) report('EXT-X-SKIP skips nothing');
  if (skip?.removedIds !== undefined && !playlist.canSkipDateRanges) report('skips date ranges unannounced');
  if (skip !== undefined && playlist.ended) report('is an update behind the end');
  if (playlist.iFramesOnly) return;
  if (Number.isNaN(partTargetSeconds)) report('has no PART-TARGET');
  if (!(playlist.partHoldBackSeconds >= 3 * partTargetSeconds - rounding)) {
    report(`PART-HOLD-BACK is ${playlist.partHoldBackSeconds}, under 3 × PART-TARGET`);
  }
}

/** Nothing that a player of version 3 must know to play it (rfc8216bis §8). */
function checkPlain({ text, segments }: ParsedPlaylist, report: Report): void {
  const unknown = /^#EXT-X-(?:MAP|BYTERANGE|PART|PART-INF|SERVER-CONTROL|SKIP|PRELOAD-HINT|RENDITION-REPORT)\b.*/m;
  const tag = unknown.exec(text)?.[0];
  if (tag !== undefined) report(`has ${tag}, which version 3 does not know`);
  const files = new Set(segments.map(({ uri }) => uri));
  if (files.size < segments.length) report('a segment is listed twice');
}

function checkSegment(playlist: ParsedPlaylist, segment: ParsedSegment, isFirst: boolean, report: Report): void {
  const { msn, parts, gap } = segment;
  const first = parts.find((part) => !part.gap);
  if (segment.programDateTimeMs === undefined) report(`segment ${msn} has no PROGRAM-DATE-TIME`);
  if (Number.isNaN(segment.programDateTimeMs)) report(`PROGRAM-DATE-TIME of segment ${msn} is no date`);
  const needsMap = !playlist.isPlain;
  if (needsMap && isFirst && segment.mapUri === undefined) report(`segment ${msn} is the first and has no MAP`);
  if (needsMap && segment.discontinuity && segment.mapUri === undefined) {
    report(`segment ${msn} follows a DISCONTINUITY and has no MAP`);
  }
  if (playlist.independentSegments && first !== undefined && !first.independent) {
    report(`segment ${msn} does not begin with a keyframe in spite of INDEPENDENT-SEGMENTS`);
  }
  for (const tag of segment.lateTags) report(`segment ${msn} has ${tag} behind its first part`);
  if (playlist.iFramesOnly && parts.length > 0) report(`segment ${msn} of an I-frame playlist has parts`);
  if (playlist.iFramesOnly && !gap && !/^\d+@\d+$/.test(segment.byteRange ?? '')) {
    report(`I-frame ${msn} has ${segment.byteRange} for a byte range`);
  }
  // A picture that stands long is said by parts that are gaps, in a segment that has it all the same.
  if (gap && parts.length > 0 && !parts.some((part) => part.gap)) {
    report(`segment ${msn} is a gap and has no part that is one`);
  }
  checkParts(segment, playlist.partTargetSeconds, report);
}

function checkParts(segment: ParsedSegment, partTargetSeconds: number, report: Report): void {
  segment.parts.forEach((part, index) => {
    if (!(part.durationSeconds > 0)) report(`part ${part.uri} lasts ${part.durationSeconds} s`);
    if (part.durationSeconds > partTargetSeconds + rounding) {
      report(`part ${part.uri} lasts ${part.durationSeconds} s, over PART-TARGET`);
    }
    const next = segment.parts[index + 1];
    const isExcepted = next === undefined || next.gap || part.independent || part.gap;
    if (!isExcepted && part.durationSeconds < partTargetSeconds * leastPartFill - rounding) {
      report(`part ${part.uri} lasts ${part.durationSeconds} s, under 85 % of PART-TARGET`);
    }
  });
}

function checkDuration(
  { targetDurationSeconds, iFramesOnly }: ParsedPlaylist,
  segment: ParsedSegment,
  next: ParsedSegment | undefined,
  report: Report,
): void {
  const { msn, durationSeconds, parts, programDateTimeMs } = segment;
  if (!(durationSeconds > 0)) report(`EXTINF of segment ${msn} is ${durationSeconds}`);
  if (Math.round(durationSeconds) > targetDurationSeconds) {
    report(`EXTINF of segment ${msn} is ${durationSeconds}, which rounds over TARGETDURATION`);
  }
  const partsSeconds = parts.reduce((sum, part) => sum + part.durationSeconds, 0);
  if (parts.length > 0 && Math.abs(partsSeconds - durationSeconds) > 0.001) {
    report(`EXTINF of segment ${msn} is ${durationSeconds}, its parts add up to ${partsSeconds}`);
  }
  if (next === undefined) return;
  const stepMs = (next.programDateTimeMs ?? Number.NaN) - (programDateTimeMs ?? Number.NaN);
  if (next.discontinuity) {
    if (stepMs < durationSeconds * 1_000 - dateToleranceMs) {
      report(`PROGRAM-DATE-TIME behind the DISCONTINUITY at segment ${next.msn} is before the end of the one before`);
    }
    return;
  }
  // A picture may stand longer than a segment may last.
  const isCut =
    iFramesOnly && Math.round(durationSeconds + 0.01) >= targetDurationSeconds && stepMs > durationSeconds * 1_000;
  if (!isCut && Math.abs(stepMs - durationSeconds * 1_000) > dateToleranceMs) {
    report(`PROGRAM-DATE-TIME goes on by ${stepMs} ms over segment ${msn}, which lasts ${durationSeconds} s`);
  }
}

/** A little for each segment adds up: over a whole run of time dates go on by no more than its segments say. */
function checkRunDates(segments: readonly ParsedSegment[], report: Report): void {
  let [fromMs, saidMs] = [Number.NaN, 0];
  for (const { msn, discontinuity, durationSeconds, programDateTimeMs = Number.NaN } of segments) {
    if (discontinuity || Number.isNaN(fromMs)) [fromMs, saidMs] = [programDateTimeMs, 0];
    const apartMs = programDateTimeMs - fromMs - saidMs;
    if (Math.abs(apartMs) > dateToleranceMs) {
      report(`PROGRAM-DATE-TIME of segment ${msn} is ${apartMs} ms from where the segments before it end`);
      return;
    }
    saidMs += durationSeconds * 1_000;
  }
}

/** Parts are to be listed for what is nearer to the live end than three TARGETDURATIONs, and for nothing before. */
function checkListedParts(playlist: ParsedPlaylist, report: Report): void {
  let behindSeconds = playlist.open?.parts.reduce((sum, part) => sum + part.durationSeconds, 0) ?? 0;
  let isNear = true;
  for (const segment of playlist.segments.toReversed()) {
    if (behindSeconds >= 3 * playlist.targetDurationSeconds - sumToleranceSeconds) isNear = false;
    const hasParts = segment.parts.length > 0;
    if (isNear && !hasParts && !segment.gap) report(`segment ${segment.msn} is near the live end and has no parts`);
    if (behindSeconds > 4.5 * playlist.targetDurationSeconds && hasParts) {
      report(`segment ${segment.msn} is far from the live end and has parts`);
    }
    behindSeconds += segment.durationSeconds;
  }
}

function checkReports({ reports }: ParsedPlaylist, report: Report): void {
  for (const { uri, lastMsn, lastPart } of reports) {
    if (uri === '' || /^[a-z]+:|^\//i.test(uri)) report(`RENDITION-REPORT has the URI "${uri}", which is not relative`);
    if (!Number.isInteger(lastMsn)) report(`RENDITION-REPORT for ${uri} has no LAST-MSN`);
    if (lastPart !== undefined && !Number.isInteger(lastPart)) report(`LAST-PART of ${uri} is ${lastPart}`);
  }
}

/** rfc8216bis §4.4.5.1. */
function checkDateRanges({ dateRanges, segments }: ParsedPlaylist, report: Report): void {
  if (dateRanges.length > 0 && !segments.some((segment) => segment.programDateTimeMs !== undefined)) {
    report('there are date ranges without PROGRAM-DATE-TIME');
  }
  const seen = new Map<string, Attributes>();
  for (const range of dateRanges) {
    const id = quoted(range, 'ID') ?? '';
    if (id === '') report('a date range has no ID');
    if (seen.has(id)) report(`date range ${id} is there twice`);
    seen.set(id, range);
    checkDateRange(range, (finding) => report(`date range ${id}: ${finding}`));
  }
  for (const range of dateRanges) {
    if (range.get('END-ON-NEXT') !== 'YES') continue;
    const startMs = dateOf(range, 'START-DATE');
    const covering = dateRanges.find(
      (other) =>
        other !== range &&
        other.get('CLASS') === range.get('CLASS') &&
        dateOf(other, 'START-DATE') < startMs &&
        dateOf(other, 'START-DATE') + Number(other.get('DURATION') ?? 0) * 1_000 > startMs,
    );
    if (covering !== undefined) report(`date range ${quoted(range, 'ID')} overlaps ${quoted(covering, 'ID')}`);
  }
}

function dateOf(range: Attributes, name: string): number {
  return Date.parse(quoted(range, name) ?? '');
}

function checkDateRange(range: Attributes, report: Report): void {
  const [startMs, endMs] = [dateOf(range, 'START-DATE'), dateOf(range, 'END-DATE')];
  const duration = range.get('DURATION');
  if (Number.isNaN(startMs)) report('START-DATE is no date');
  if (range.has('END-DATE') && !(endMs >= startMs)) report('END-DATE is before START-DATE');
  for (const name of ['DURATION', 'PLANNED-DURATION']) {
    const value = range.get(name);
    if (value !== undefined && !/^\d+(?:\.\d+)?$/.test(value)) report(`${name} is ${value}`);
  }
  if (duration !== undefined && Math.abs(startMs + Number(duration) * 1_000 - endMs) > 1) {
    report('END-DATE is not START-DATE + DURATION');
  }
  if (range.has('END-ON-NEXT')) {
    if (range.get('END-ON-NEXT') !== 'YES') report('END-ON-NEXT is not YES');
    if (!range.has('CLASS')) report('END-ON-NEXT without CLASS');
    if (range.has('END-DATE') || duration !== undefined) report('END-ON-NEXT with an end');
  }
  const cue = quoted(range, 'CUE')?.split(',') ?? [];
  if (cue.includes('PRE') && cue.includes('POST')) report('CUE is PRE and POST');
  for (const [name, value] of range) {
    if (name.startsWith('SCTE35-') && !/^0x(?:[0-9A-F]{2})+$/i.test(value)) report(`${name} is ${value}`);
    if (name.startsWith('X-') && !/^(?:"[^"]*"|0x[0-9A-F]+|-?\d+(?:\.\d+)?)$/i.test(value))
      report(`${name} is ${value}`);
  }
}
