import { type ParsedPlaylist, type ParsedSegment, parsePlaylist } from './parsed-playlist.ts';

/** Milliseconds in PROGRAM-DATE-TIME, five decimals in EXTINF, and audio that is slewed. */
const dateToleranceMs = 30;
/** How far apart segments of one number may begin in two renditions: a frame of audio, and what it lagged. */
const alignmentToleranceMs = 1_250;
const leastPartFill = 0.85;
const rounding = 1e-6;

/**
 * Holds the rules that the media playlists of one live stream must keep (rfc8216bis; docs: HLS rules). `histories`
 * has, for each rendition, the playlist's text each time it had changed, in order. Returns what is wrong, in words;
 * nothing when all is well. `late`: renditions that come into being after others have a playlist.
 */
export function validateMediaPlaylists(
  histories: ReadonlyMap<string, readonly string[]>,
  late: readonly string[] = [],
): string[] {
  const findings = new Set<string>();
  const parsed = new Map<string, ParsedPlaylist[]>();
  for (const [rendition, texts] of histories) {
    const states: ParsedPlaylist[] = [];
    texts.forEach((text, index) => {
      const report = (finding: string) => findings.add(`${rendition}, state ${index}: ${finding}`);
      try {
        const playlist = parsePlaylist(text);
        states.push(playlist);
        checkPlaylist(playlist, report);
        checkReports(
          playlist,
          [...histories.keys()].filter((other) => other !== rendition && !late.includes(other)),
          report,
        );
      } catch (error) {
        report(error instanceof Error ? error.message : String(error));
      }
    });
    if (states.length === 0) findings.add(`${rendition}: there was no playlist`);
    checkHistory(states, (index, finding) => findings.add(`${rendition}, state ${index}: ${finding}`));
    parsed.set(rendition, states);
  }
  checkRenditions(parsed, (finding) => findings.add(finding));
  return [...findings];
}

type Report = (finding: string) => void;

function checkPlaylist(playlist: ParsedPlaylist, report: Report): void {
  const { targetDurationSeconds, partTargetSeconds } = playlist;
  if (targetDurationSeconds < 2) report(`TARGETDURATION is ${targetDurationSeconds}, under 2`);
  if (!playlist.serverControl.includes('CAN-BLOCK-RELOAD=YES')) report('CAN-BLOCK-RELOAD is not YES');
  if (!(playlist.holdBackSeconds >= 3 * targetDurationSeconds - rounding)) {
    report(`HOLD-BACK is ${playlist.holdBackSeconds}, under 3 × TARGETDURATION`);
  }
  if (!(playlist.partHoldBackSeconds >= 3 * partTargetSeconds - rounding)) {
    report(`PART-HOLD-BACK is ${playlist.partHoldBackSeconds}, under 3 × PART-TARGET`);
  }
  if (playlist.segments.length === 0) report('there is no segment');
  const all = playlist.open === undefined ? playlist.segments : [...playlist.segments, playlist.open];
  all.forEach((segment, index) => {
    const first = segment.parts.find(({ gap }) => !gap);
    if (segment.programDateTimeMs === undefined) report(`segment ${segment.msn} has no PROGRAM-DATE-TIME`);
    if (index === 0 && segment.mapUri === undefined) report(`segment ${segment.msn} is the first and has no MAP`);
    if (segment.discontinuity && segment.mapUri === undefined) {
      report(`segment ${segment.msn} follows a DISCONTINUITY and has no MAP`);
    }
    if (playlist.independentSegments && first !== undefined && !first.independent) {
      report(`segment ${segment.msn} does not begin with a keyframe in spite of INDEPENDENT-SEGMENTS`);
    }
    checkParts(segment, partTargetSeconds, report);
  });
  playlist.segments.forEach((segment, index) => checkDuration(playlist, segment, all[index + 1], report));
  checkListedParts(playlist, report);
  const listed = all.flatMap(({ parts }) => parts.map(({ uri }) => uri));
  if (new Set(listed).size < listed.length) report('a part is listed twice');
  if (playlist.preloadHintUri !== undefined && listed.includes(playlist.preloadHintUri)) {
    report(`PRELOAD-HINT names ${playlist.preloadHintUri}, which is there already`);
  }
  if (playlist.ended && playlist.preloadHintUri !== undefined) report('PRELOAD-HINT after the end');
}

function checkParts(segment: ParsedSegment, partTargetSeconds: number, report: Report): void {
  segment.parts.forEach((part, index) => {
    if (!(part.durationSeconds > 0)) report(`part ${part.uri} lasts ${part.durationSeconds} s`);
    if (part.durationSeconds > partTargetSeconds + rounding) {
      report(`part ${part.uri} lasts ${part.durationSeconds} s, over PART-TARGET`);
    }
    const isLast = index === segment.parts.length - 1;
    const isExcepted = isLast || part.independent || part.gap;
    if (!isExcepted && part.durationSeconds < partTargetSeconds * leastPartFill - rounding) {
      report(`part ${part.uri} lasts ${part.durationSeconds} s, under 85 % of PART-TARGET`);
    }
  });
}

function checkDuration(
  { targetDurationSeconds }: ParsedPlaylist,
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
  if (next === undefined || next.discontinuity) return;
  const stepMs = (next.programDateTimeMs ?? Number.NaN) - (programDateTimeMs ?? Number.NaN);
  if (Math.abs(stepMs - durationSeconds * 1_000) > dateToleranceMs) {
    report(`PROGRAM-DATE-TIME goes on by ${stepMs} ms over segment ${msn}, which lasts ${durationSeconds} s`);
  }
}

/** Parts are to be listed for what is nearer to the live end than three TARGETDURATIONs. */
function checkListedParts(playlist: ParsedPlaylist, report: Report): void {
  let behindSeconds = playlist.open?.parts.reduce((sum, part) => sum + part.durationSeconds, 0) ?? 0;
  for (const segment of playlist.segments.toReversed()) {
    if (behindSeconds >= 3 * playlist.targetDurationSeconds) return;
    if (segment.parts.length === 0 && !segment.gap)
      report(`segment ${segment.msn} is near the live end and has no parts`);
    behindSeconds += segment.durationSeconds;
  }
}

function checkReports(playlist: ParsedPlaylist, others: readonly string[], report: Report): void {
  for (const other of others) {
    if (!playlist.reportedUris.some((uri) => uri.endsWith(other))) report(`there is no RENDITION-REPORT for ${other}`);
  }
}

function checkHistory(states: readonly ParsedPlaylist[], report: (index: number, finding: string) => void): void {
  const uriByMsn = new Map<number, string>();
  const msnByUri = new Map<string, number>();
  states.forEach((state, index) => {
    for (const { msn, uri } of state.segments) {
      if ((uriByMsn.get(msn) ?? uri) !== uri) report(index, `segment ${msn} was ${uriByMsn.get(msn)} and is ${uri}`);
      if ((msnByUri.get(uri) ?? msn) !== msn) report(index, `${uri} was segment ${msnByUri.get(uri)} and is ${msn}`);
      uriByMsn.set(msn, uri);
      msnByUri.set(uri, msn);
    }
    const previous = states[index - 1];
    if (previous !== undefined) checkStep(previous, state, (finding) => report(index, finding));
  });
}

function checkStep(before: ParsedPlaylist, after: ParsedPlaylist, report: Report): void {
  if (before.ended) report('the playlist changed after its end');
  if (after.targetDurationSeconds !== before.targetDurationSeconds) report('TARGETDURATION has changed');
  if (after.partTargetSeconds !== before.partTargetSeconds) report('PART-TARGET has changed');
  if (after.serverControl !== before.serverControl) report('SERVER-CONTROL has changed');
  if (after.mediaSequence < before.mediaSequence) report('MEDIA-SEQUENCE went back');
  const lastBefore = before.mediaSequence + before.segments.length - 1;
  const lastAfter = after.mediaSequence + after.segments.length - 1;
  if (lastAfter < lastBefore) report('a segment at the live end is there no more');
  if (after.mediaSequence > lastBefore + 1) report('MEDIA-SEQUENCE went on past segments that were never listed');

  const left = before.segments.filter(({ msn }) => msn < after.mediaSequence);
  const expected = before.discontinuitySequence + left.filter(({ discontinuity }) => discontinuity).length;
  if (after.mediaSequence <= lastBefore + 1 && after.discontinuitySequence !== expected) {
    report(`DISCONTINUITY-SEQUENCE is ${after.discontinuitySequence}, not ${expected}`);
  }
  for (const segment of after.segments) {
    const same = before.segments[segment.msn - before.mediaSequence];
    if (same === undefined) continue;
    if (same.durationSeconds !== segment.durationSeconds) report(`EXTINF of segment ${segment.msn} has changed`);
    if (same.discontinuity !== segment.discontinuity) report(`DISCONTINUITY of segment ${segment.msn} has changed`);
    if (same.programDateTimeMs !== segment.programDateTimeMs) {
      report(`PROGRAM-DATE-TIME of segment ${segment.msn} has changed`);
    }
  }
  checkGrowth(before, after, report);
}

/** What was open has only grown, and by the part that the hint named. */
function checkGrowth(before: ParsedPlaylist, after: ParsedPlaylist, report: Report): void {
  const openMsn = before.mediaSequence + before.segments.length;
  const grown = after.segments[openMsn - after.mediaSequence] ?? (after.open?.msn === openMsn ? after.open : undefined);
  const partsBefore = before.open?.parts ?? [];
  if (grown === undefined) {
    if (partsBefore.length > 0) report('the parts of the open segment are there no more');
    return;
  }
  if (grown.parts.length === 0) return;
  const changed = partsBefore.find((part, index) => grown.parts[index]?.uri !== part.uri);
  if (changed !== undefined) report(`part ${changed.uri} has changed or is there no more`);
  const next = grown.parts[partsBefore.length];
  if (before.preloadHintUri !== undefined && next !== undefined && next.uri !== before.preloadHintUri) {
    report(`PRELOAD-HINT named ${before.preloadHintUri}, but ${next.uri} came`);
  }
}

function checkRenditions(renditions: ReadonlyMap<string, readonly ParsedPlaylist[]>, report: Report): void {
  const [first, ...others] = [...renditions];
  if (first === undefined) return;
  const [firstName, firstStates] = first;
  for (const [name, states] of others) {
    const [a, b] = [firstStates[0], states[0]];
    if (a === undefined || b === undefined) continue;
    if (a.targetDurationSeconds !== b.targetDurationSeconds)
      report(`TARGETDURATION differs in ${firstName} and ${name}`);
    if (a.partTargetSeconds !== b.partTargetSeconds) report(`PART-TARGET differs in ${firstName} and ${name}`);
    if (a.serverControl !== b.serverControl) report(`SERVER-CONTROL differs in ${firstName} and ${name}`);
    const seen = new Map(firstStates.flatMap(({ segments }) => segments).map((segment) => [segment.msn, segment]));
    for (const segment of states.flatMap(({ segments }) => segments)) {
      const twin = seen.get(segment.msn);
      if (twin === undefined) continue;
      if (twin.discontinuity !== segment.discontinuity) {
        report(`DISCONTINUITY of segment ${segment.msn} differs in ${firstName} and ${name}`);
      }
      const apartMs = Math.abs((twin.programDateTimeMs ?? 0) - (segment.programDateTimeMs ?? 0));
      if (apartMs > alignmentToleranceMs) {
        report(`segment ${segment.msn} begins ${apartMs} ms apart in ${firstName} and ${name}`);
      }
    }
  }
}
