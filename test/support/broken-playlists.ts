import { validateMediaPlaylists } from './playlist-validator.ts';
import { PublishedStream } from './published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from './synthetic-units.ts';

/**
 * The playlists of twenty seconds, five seconds of nobody, ten seconds more, and the end, in a window of ten seconds;
 * and ways to break them.
 */
function goodHistories(): ReadonlyMap<string, readonly string[]> {
  const published = new PublishedStream({ window: '10s' });
  for (const seconds of [20, 10]) {
    published.start([videoConfig, audioConfig]);
    published.send(interleaved(videoUnits({ seconds }), audioUnits({ seconds })));
    published.stop();
    published.clock.advance(5_000);
  }
  published.end();
  return published.histories;
}

export const good = goodHistories();

/** Of the video playlist, as one change of it sees it. */
export const lastState = (good.get('video.m3u8') ?? []).length - 1;

/** The video playlist at a state. */
export function goodState(index: number): string {
  return good.get('video.m3u8')?.[index] ?? '';
}

/** The findings when every state of the video playlist from the `from`th on is changed. */
export function findingsAfter(change: (text: string, index: number) => string, from = 0): string[] {
  const broken = new Map(good);
  broken.set(
    'video.m3u8',
    (good.get('video.m3u8') ?? []).map((text, index) => (index < from ? text : change(text, index))),
  );
  return validateMediaPlaylists(broken);
}

export function withoutLines(pattern: RegExp): (text: string) => string {
  return (text) =>
    text
      .split('\n')
      .filter((line) => !pattern.test(line))
      .join('\n');
}

/** Adds a line before the first segment. */
export function withLine(line: string): (text: string) => string {
  return (text) => text.replace(/#EXT-X-(?:DISCONTINUITY\n|MAP)/, `${line}\n$&`);
}

/** Changes the nth line (from 0) that fits. */
export function changeLine(text: string, pattern: RegExp, nth: number, change: (line: string) => string): string {
  let seen = 0;
  return text
    .split('\n')
    .map((line) => (pattern.test(line) && seen++ === nth ? change(line) : line))
    .join('\n');
}
