import { firstMediaSequenceNumber } from '../../src/policy/segment-boundaries.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { PublishedStream } from '../support/published-stream.ts';
import { parsePlaylist } from '../support/parsed-playlist.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from '../support/synthetic-units.ts';

/*
 * `node --expose-gc live-soak-child.ts HOURS`: packages a synthetic stream for so many hours on a virtual clock, looks at every
 * state of its playlists, and prints what it has seen as JSON.
 */

/** As many pictures, AAC frames and GOPs as are whole. */
const stretchSeconds = 64;
const segmentSeconds = 2;

const hours = Number(process.argv[2]);
const stretches = Math.round((hours * 3_600) / stretchSeconds);
const published = new PublishedStream();
const beganWallMs = new VirtualClock().wallMs();
published.start([videoConfig, audioConfig]);

/** Hours of the stream, and what was in use after a collection. */
const memory: { hours: number; usedBytes: number; residentBytes: number }[] = [];
const findings: string[] = [];
let states = 0;

for (let stretch = 0; stretch < stretches; stretch++) {
  const fromMs = stretch * stretchSeconds * 1_000;
  published.clock.advance(fromMs - published.clock.monotonicMs());
  const run = { fromMs, seconds: stretchSeconds };
  published.send(interleaved(videoUnits({ ...run, bytes: 1_000 }), audioUnits(run)));
  judge();
  if (stretch % 7 === 0) noteMemory((fromMs / 1_000 + stretchSeconds) / 3_600);
}
const endMs = stretches * stretchSeconds * 1_000;
published.clock.advance(endMs - published.clock.monotonicMs());
published.stop();
judge();

const ends = [...published.histories.values()].map((history) => {
  const { segments } = parsePlaylist(history.at(-1) ?? '');
  const last = segments.at(-1);
  const segmentsBefore = endMs / 1_000 / segmentSeconds - 1;
  const lastMs = beganWallMs + segmentsBefore * segmentSeconds * 1_000;
  const lastMsn = firstMediaSequenceNumber + segmentsBefore;
  return { msnOff: (last?.msn ?? -1) - lastMsn, dateOffMs: (last?.programDateTimeMs ?? 0) - lastMs };
});
process.stdout.write(JSON.stringify({ states, findings, memory, ends }));

/** All states since the last time, and the last one of then, so that each step is looked at. */
function judge(): void {
  const taken = published.takeFindings();
  states += taken.states;
  findings.push(...taken.findings);
}

function noteMemory(atHours: number): void {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  memory.push({ hours: atHours, usedBytes: heapUsed + arrayBuffers, residentBytes: rss });
}
