import { basename } from 'node:path/posix';
import { validateMultivariantPlaylist } from './multivariant-validator.ts';
import { type Attributes, type ParsedPlaylist, type ParsedSegment, parsePlaylist, quoted } from './parsed-playlist.ts';
import { checkPlaylist, type Report } from './playlist-rules.ts';
import { mergeUpdate } from './playlist-update.ts';
import { partAfter } from './preload-hints.ts';

/** How far apart segments of one number may begin in two renditions: a frame of audio, and what it lagged. */
const alignmentToleranceMs = 1_250;

/**
 * Findings that a kill of the origin may bring: of what had not reached the disk when viewers were told of it, nobody can
 * know any more how it was told (docs/live.md: A restart of the origin).
 */
export const unknowableAfterKill = new RegExp(
  `(?:${[
    'segment \\d+ (?:has changed|differs in [\\w.]+ and [\\w.]+|are there again)',
    'part \\S+ has changed or is there no more',
    'RENDITION-REPORT for [\\w.]+ went back',
    'DISCONTINUITY-SEQUENCE is \\d+, not \\d+',
  ].join('|')})$`,
);

/** What is wrong with one playlist by itself, multivariant or media, in words; nothing when all is well. */
export function validatePlaylist(text: string): string[] {
  if (/^#EXT-X-STREAM-INF:/m.test(text)) return validateMultivariantPlaylist(text);
  const findings: string[] = [];
  try {
    checkPlaylist(parsePlaylist(text), (finding) => findings.push(finding));
  } catch (error) {
    findings.push(error instanceof Error ? error.message : String(error));
  }
  return findings;
}

/**
 * Holds the rules that the media playlists of one live stream must keep (rfc8216bis; docs: HLS rules). `histories`
 * has, for each rendition, the playlist's text each time it had changed, in order; an update (EXT-X-SKIP) among them
 * is put together with the state before it. Returns what is wrong, in words; nothing when all is well. `late`:
 * renditions that come into being after others have a playlist.
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
        const written = parsePlaylist(text);
        checkPlaylist(written, report);
        const others = [...histories.keys()].filter((other) => other !== rendition && !late.includes(other));
        checkReported(written, others, report);
        states.push(stateOf(written, states.at(-1)));
      } catch (error) {
        report(error instanceof Error ? error.message : String(error));
      }
    });
    if (states.length === 0) findings.add(`${rendition}: there was no playlist`);
    checkHistory(states, (index, finding) => findings.add(`${rendition}, state ${index}: ${finding}`));
    parsed.set(rendition, states);
  }
  checkRenditions(
    [...parsed].filter(([, states]) => states[0]?.iFramesOnly === false),
    (finding) => findings.add(finding),
  );
  checkReportsAgainstEnds(parsed, (finding) => findings.add(finding));
  return [...findings];
}

function stateOf(written: ParsedPlaylist, before: ParsedPlaylist | undefined): ParsedPlaylist {
  if (written.skip === undefined) return written;
  if (before === undefined) throw new Error('an update came first');
  return mergeUpdate(before, written);
}

/** One for each other rendition; I-frame playlists are reported where the server likes to (rfc8216bis §B.1). */
function checkReported(playlist: ParsedPlaylist, others: readonly string[], report: Report): void {
  if (playlist.iFramesOnly || playlist.isPlain) return;
  for (const other of others) {
    const count = playlist.reports.filter(({ uri }) => uri === other).length;
    if (count === 0 && !other.endsWith('-iframes.m3u8')) report(`there is no RENDITION-REPORT for ${other}`);
    if (count > 1) report(`there are ${count} times RENDITION-REPORT for ${other}`);
  }
}

function checkHistory(states: readonly ParsedPlaylist[], report: (index: number, finding: string) => void): void {
  const uriByMsn = new Map<number, string>();
  const msnByUri = new Map<string, number>();
  const ranges = new DateRangeHistory();
  states.forEach((state, index) => {
    for (const { msn, uri, byteRange = '' } of state.segments) {
      const resource = `${uri}${byteRange && ` ${byteRange}`}`;
      if ((uriByMsn.get(msn) ?? resource) !== resource) {
        report(index, `segment ${msn} was ${uriByMsn.get(msn)} and is ${resource}`);
      }
      if ((msnByUri.get(resource) ?? msn) !== msn) {
        report(index, `${resource} was segment ${msnByUri.get(resource)} and is ${msn}`);
      }
      uriByMsn.set(msn, resource);
      msnByUri.set(resource, msn);
    }
    const previous = states[index - 1];
    if (previous !== undefined) checkStep(previous, state, (finding) => report(index, finding));
    ranges.check(state, (finding) => report(index, finding));
  });
}

/** Attributes of a date range may be added, never changed or lost; an ID that has gone does not come back. */
class DateRangeHistory {
  #before = new Map<string, Attributes>();
  readonly #gone = new Set<string>();

  check({ dateRanges }: ParsedPlaylist, report: Report): void {
    const now = new Map(dateRanges.map((range) => [quoted(range, 'ID') ?? '', range]));
    for (const [id, before] of this.#before) {
      const after = now.get(id);
      if (after === undefined) this.#gone.add(id);
      for (const [name, value] of after === undefined ? [] : before) {
        if (after?.get(name) !== value) report(`date range ${id} had ${name}=${value} and has ${after?.get(name)}`);
      }
    }
    for (const id of now.keys()) if (this.#gone.has(id)) report(`date range ${id} has come back`);
    this.#before = now;
  }
}

function checkStep(before: ParsedPlaylist, after: ParsedPlaylist, report: Report): void {
  if (before.ended) report('the playlist changed after its end');
  if (after.targetDurationSeconds !== before.targetDurationSeconds) report('TARGETDURATION has changed');
  if (!Object.is(after.partTargetSeconds, before.partTargetSeconds)) report('PART-TARGET has changed');
  if (after.serverControl !== before.serverControl) report('SERVER-CONTROL has changed');
  if (after.iFramesOnly !== before.iFramesOnly) report('I-FRAMES-ONLY has changed');
  if (after.mediaSequence < before.mediaSequence) report('MEDIA-SEQUENCE went back');
  if (after.discontinuitySequence < before.discontinuitySequence) report('DISCONTINUITY-SEQUENCE went back');
  const lastBefore = before.mediaSequence + before.segments.length - 1;
  const lastAfter = after.mediaSequence + after.segments.length - 1;
  if (lastAfter < lastBefore) report('a segment at the live end is there no more');
  if (after.mediaSequence > lastBefore + 1) report('MEDIA-SEQUENCE went on past segments that were never listed');

  const left = before.segments.filter(({ msn }) => msn < after.mediaSequence);
  const expected = before.discontinuitySequence + left.reduce((sum, { discontinuities }) => sum + discontinuities, 0);
  if (after.mediaSequence <= lastBefore + 1 && after.discontinuitySequence !== expected) {
    report(`DISCONTINUITY-SEQUENCE is ${after.discontinuitySequence}, not ${expected}`);
  }
  for (const segment of after.segments) {
    const same = before.segments[segment.msn - before.mediaSequence] ?? openAt(before, segment.msn);
    if (same !== undefined) checkSame(same, segment, report);
  }
  if (before.open !== undefined && after.open?.msn === before.open.msn) checkSame(before.open, after.open, report);
  checkGrowth(before, after, report);
  for (const { uri, lastMsn, lastPart = -1 } of before.reports) {
    const now = after.reports.find((each) => each.uri === uri);
    if (now === undefined) {
      if (!after.ended) report(`RENDITION-REPORT for ${uri} is there no more`);
      continue;
    }
    if (now.lastMsn < lastMsn || (now.lastMsn === lastMsn && (now.lastPart ?? -1) < lastPart)) {
      report(`RENDITION-REPORT for ${uri} went back`);
    }
  }
}

function openAt({ open }: ParsedPlaylist, msn: number): ParsedSegment | undefined {
  return open?.msn === msn ? open : undefined;
}

/** What is said of a segment stays as it is; an open one becomes a complete one. */
function checkSame(before: ParsedSegment, after: ParsedSegment, report: Report): void {
  const { msn } = after;
  if (before.uri !== '' && before.durationSeconds !== after.durationSeconds) {
    report(`EXTINF of segment ${msn} has changed`);
  }
  if (before.discontinuity !== after.discontinuity) report(`DISCONTINUITY of segment ${msn} has changed`);
  if (before.programDateTimeMs !== after.programDateTimeMs) report(`PROGRAM-DATE-TIME of segment ${msn} has changed`);
  if (before.initUri !== after.initUri) report(`MAP of segment ${msn} has changed`);
  if (before.keys !== after.keys) report(`KEY of segment ${msn} has changed`);
  if (before.uri !== '' && before.gap !== after.gap) report(`GAP of segment ${msn} has changed`);
  if (before.uri !== '' && before.parts.length === 0 && after.parts.length > 0) {
    report(`parts of segment ${msn} are there again`);
  }
  after.parts.forEach((part, index) => {
    const same = before.parts[index];
    if (same === undefined) return;
    if (
      same.durationSeconds !== part.durationSeconds ||
      same.independent !== part.independent ||
      same.gap !== part.gap
    ) {
      report(`part ${part.uri} is not what it was`);
    }
  });
}

/** What was open has only grown, and what a hint named is there under that name. */
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
  const [hint] = before.preloadHintUris;
  const came = partAfter(before, after);
  // Another part may come than the one that was to be expected, but none with its numbers.
  if (hint !== undefined && came !== undefined && came !== hint && basename(came) === basename(hint)) {
    report(`PRELOAD-HINT named ${hint}, but ${came} came`);
  }
}

function checkRenditions(renditions: readonly (readonly [string, readonly ParsedPlaylist[]])[], report: Report): void {
  const [first, ...others] = renditions;
  if (first === undefined) return;
  const [firstName, firstStates] = first;
  const seen = segmentsOf(firstStates);
  for (const [name, states] of others) {
    const [a, b] = [firstStates[0], states[0]];
    if (a === undefined || b === undefined) continue;
    const differs = (tag: string) => report(`${tag} differs in ${firstName} and ${name}`);
    if (a.targetDurationSeconds !== b.targetDurationSeconds) differs('TARGETDURATION');
    if (!Object.is(a.partTargetSeconds, b.partTargetSeconds)) differs('PART-TARGET');
    if (a.serverControl !== b.serverControl) differs('SERVER-CONTROL');
    for (const [msn, { segment, discontinuityNumber }] of segmentsOf(states)) {
      const twin = seen.get(msn);
      if (twin === undefined) continue;
      if (twin.segment.discontinuity !== segment.discontinuity) differs(`DISCONTINUITY of segment ${msn}`);
      if (twin.discontinuityNumber !== discontinuityNumber) differs(`discontinuity number of segment ${msn}`);
      const apartMs = Math.abs((twin.segment.programDateTimeMs ?? 0) - (segment.programDateTimeMs ?? 0));
      if (apartMs > alignmentToleranceMs) {
        report(`segment ${msn} begins ${apartMs} ms apart in ${firstName} and ${name}`);
      }
    }
  }
}

/** By media sequence number, with the number of discontinuities up to and with it. */
function segmentsOf(states: readonly ParsedPlaylist[]) {
  const segments = new Map<number, { readonly segment: ParsedSegment; readonly discontinuityNumber: number }>();
  for (const state of states) {
    let discontinuityNumber = state.discontinuitySequence;
    for (const segment of state.segments) {
      discontinuityNumber += segment.discontinuities;
      segments.set(segment.msn, { segment, discontinuityNumber });
    }
  }
  return segments;
}

/** Nobody reports what never came to be. */
function checkReportsAgainstEnds(renditions: ReadonlyMap<string, readonly ParsedPlaylist[]>, report: Report): void {
  for (const [name, states] of renditions) {
    for (const { uri, lastMsn } of states.at(-1)?.reports ?? []) {
      const other = renditions.get(uri)?.at(-1);
      if (other === undefined) continue;
      const last = other.open?.msn ?? other.segments.at(-1)?.msn ?? -1;
      // The two were not fetched at the same instant.
      if (lastMsn > last + 2) report(`${name} reports segment ${lastMsn} of ${uri}, whose last one is ${last}`);
    }
  }
}

/** What is wrong with what the playlists of one instant report of each other: the live end to the part. */
export function validateReports(playlists: ReadonlyMap<string, ParsedPlaylist>): string[] {
  const findings: string[] = [];
  for (const [name, playlist] of playlists) {
    for (const other of playlists.keys()) {
      const isReported = other === name || playlist.reports.some(({ uri }) => uri === other);
      if (!isReported) findings.push(`${name} does not report ${other}, which is there`);
    }
    for (const { uri, lastMsn, lastPart } of playlist.reports) {
      const other = playlists.get(uri);
      const last = other?.open ?? other?.segments.at(-1);
      if (last === undefined) continue;
      const parts = last.parts.length;
      if (lastMsn !== last.msn || (lastPart ?? -1) !== parts - 1) {
        findings.push(`${name} reports ${uri} at ${lastMsn}.${lastPart}, which is at ${last.msn}.${parts - 1}`);
      }
    }
  }
  return findings;
}
