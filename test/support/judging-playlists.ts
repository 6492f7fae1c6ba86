import type { EncodedText } from '../../src/origin/encoded-text.ts';
import { PackagedPlaylists } from '../../src/origin/packaged-playlists.ts';
import { validateMultivariantPlaylist } from './multivariant-validator.ts';
import { parsePlaylist } from './parsed-playlist.ts';
import { validateUpdate } from './playlist-update.ts';
import { validateMediaPlaylists } from './playlist-validator.ts';

/*
 * Loaded before everything else, in tests that run an origin and in the programs that tests start: whatever playlist is
 * written, whether the test looks at it or not, is held to the rules, and to the one that was written before it.
 */

type Judge = (finding: string) => void;

let judge: Judge = (finding) => {
  process.stderr.write(`a playlist breaks a rule: ${finding}\n`);
  // A test cannot overlook that its program is gone.
  process.exit(86);
};

/** From now on findings go there, instead of ending the process. Returns the way back. */
export function onPlaylistFinding(report: Judge): () => void {
  const before = judge;
  judge = report;
  return () => {
    judge = before;
  };
}

/** The text of each media playlist as it was written last, by its name; of each stream. */
const written = new WeakMap<PackagedPlaylists, Map<string, string>>();

function judgeMedia(playlists: PackagedPlaylists, name: string, text: string): void {
  const before = written.get(playlists) ?? new Map<string, string>();
  written.set(playlists, before);
  const previous = before.get(name);
  if (previous === text) return;
  before.set(name, text);
  // Where nobody has asked for a window's time, nothing is left of what was listed.
  const steps =
    previous === undefined || parsePlaylist(text).mediaSequence > endOf(previous) ? [text] : [previous, text];
  for (const finding of validateMediaPlaylists(new Map([[name, steps]]))) judge(`${finding}\n${text}`);
}

/** The number behind its last whole segment. */
function endOf(text: string): number {
  const { mediaSequence, segments } = parsePlaylist(text);
  return mediaSequence + segments.length;
}

function judgeUpdate(base: string | undefined, update: string, whole: string): void {
  const { mediaSequence, skip } = parsePlaylist(update);
  const firstWritten = mediaSequence + (skip?.segments ?? 0);
  // Who asked last so long ago that he lacks what is left out asks for the whole playlist (rfc8216bis section 6.3.7).
  const from = base === undefined || endOf(base) < firstWritten ? whole : base;
  for (const finding of validateUpdate(parsePlaylist(from), update, parsePlaylist(whole))) judge(finding);
}

// oxlint-disable-next-line typescript/unbound-method -- each is called with the playlists that it belongs to
const { media, iFrames, multivariant, transport, transportMultivariant } = PackagedPlaylists.prototype;

function judged(
  playlists: PackagedPlaylists,
  name: string,
  answer: EncodedText | undefined,
  judgeText = judgeMedia,
): EncodedText | undefined {
  if (answer !== undefined) judgeText(playlists, name, answer.plain.toString());
  return answer;
}

function judgeMultivariant(_: PackagedPlaylists, name: string, text: string): void {
  for (const finding of validateMultivariantPlaylist(text)) judge(`${name}: ${finding}\n${text}`);
}

Object.assign(PackagedPlaylists.prototype, {
  media(...[source, rendition, skip]) {
    const name = `${rendition.name}.m3u8`;
    const base = written.get(this)?.get(name);
    const whole = judged(this, name, media.call(this, source, rendition));
    if (skip === undefined) return whole;
    const answer = media.call(this, source, rendition, skip);
    if (whole !== undefined && answer !== undefined && answer !== whole) {
      judgeUpdate(base, answer.plain.toString(), whole.plain.toString());
    }
    return answer;
  },
  iFrames(...[source, rendition]) {
    return judged(this, `${rendition.name}-iframes.m3u8`, iFrames.call(this, source, rendition));
  },
  multivariant(...asked) {
    return judged(this, 'index.m3u8', multivariant.apply(this, asked), judgeMultivariant);
  },
  transport(...[source, variant]) {
    return judged(this, `${variant.main.name}-ts.m3u8`, transport.call(this, source, variant));
  },
  transportMultivariant(...[variants]) {
    return judged(this, 'ts.m3u8', transportMultivariant.call(this, variants), judgeMultivariant);
  },
} satisfies ThisType<PackagedPlaylists> & Partial<PackagedPlaylists>);
