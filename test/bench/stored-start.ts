import { closeSync, openSync, readSync } from 'node:fs';
import type { Reading } from '../../src/formats/media/stored-media.ts';
import { openStoredMedia } from '../../src/formats/stored-media/open.ts';
import { encodeStoredMedia } from '../../src/formats/stored-media/record.ts';
import { inTurn, median, type Turns } from './in-turn.ts';
import type { BenchRow } from './report.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';
import type { Film } from './stored-film.ts';
import type { StoredHouse } from './stored-house.ts';
import { StoredViewer } from './stored-viewer.ts';

const mebibyte = 1_048_576;
/** To be told from the film before and behind the place: keyframes are a second apart. */
const gopMs = 2_000;

/** What is fetched of a film before the first picture is at a player who begins at its beginning. */
export function firstBytesRows(house: StoredHouse, films: readonly Film[]): Promise<readonly BenchRow[]> {
  const bounds = { tail: 12 * mebibyte, front: 2 * mebibyte + (films[0]?.moovBytes ?? 0) };
  const heads = films.map(
    ({ moov, moovBytes }): RowHead => ({
      name: `from the origin before the first picture, moov (${(moovBytes / mebibyte).toFixed(1)} MiB) at the ${moov}`,
      unit: 'MiB',
      better: 'lower',
      target: atMost(Number((bounds[moov] / mebibyte).toFixed(2))),
    }),
  );
  return rowsOf(heads, async () => {
    const figures = [];
    for (const film of films) {
      const name = house.newName(film);
      await using viewer = await StoredViewer.connect(house.edge.rtmpPort, 'cfx/st');
      const before = house.link.bytes;
      await viewer.play(name);
      figures.push({ value: (house.link.bytes - before) / mebibyte });
    }
    return figures;
  });
}

interface Start {
  readonly fromConnectMs: number;
  readonly fromPlayMs: number;
}

async function start(port: number, app: string, name: string, fromMs?: number): Promise<Start> {
  const connectedMs = performance.now();
  await using viewer = await StoredViewer.connect(port, app);
  const askedMs = performance.now();
  const { atMs } = await viewer.play(name, fromMs);
  return { fromConnectMs: atMs - connectedMs, fromPlayMs: atMs - askedMs };
}

/**
 * The first picture of a file that nobody has asked for, and of one that has been played. The peer reads it from its
 * own disk, where all of it is in the page cache of the system, and its index each time.
 */
export async function firstFrameRows(house: StoredHouse, film: Film, rounds: number): Promise<readonly BenchRow[]> {
  let name = '';
  const turns = await inTurn(
    rounds,
    new Map([
      ['cold', () => start(house.edge.rtmpPort, 'cfx/st', (name = house.newName(film)))],
      ['warm', () => start(house.edge.rtmpPort, 'cfx/st', name)],
      ['peer', () => start(house.nginx.rtmpPort, 'vod', name)],
    ]),
  );
  const peer = turns.get('peer');
  return [
    latencyRow(
      'first picture from connecting, cold',
      150,
      turns.get('cold'),
      peer,
      ({ fromConnectMs }) => fromConnectMs,
    ),
    latencyRow(
      'first picture from connecting, warm',
      50,
      turns.get('warm'),
      peer,
      ({ fromConnectMs }) => fromConnectMs,
    ),
    latencyRow('first picture from play, cold', undefined, turns.get('cold'), peer, ({ fromPlayMs }) => fromPlayMs),
    latencyRow('first picture from play, warm', undefined, turns.get('warm'), peer, ({ fromPlayMs }) => fromPlayMs),
  ];
}

/** From `seek` to a keyframe from there: to places whose bytes nobody has asked for. The peer has all in memory. */
export async function seekRows(house: StoredHouse, film: Film, jumps: number): Promise<readonly BenchRow[]> {
  const name = house.newName(film);
  await using ours = await StoredViewer.connect(house.edge.rtmpPort, 'cfx/st');
  await using peer = await StoredViewer.connect(house.nginx.rtmpPort, 'vod');
  await ours.play(name);
  await peer.play(name);
  let jump = 0;
  /** Forward and back, never near to where somebody was. */
  const place = () => Math.floor((((jump * 7 + 3) % jumps) + 0.5) * (film.seconds / jumps) * 1_000);
  const timed = async (viewer: StoredViewer) => {
    const askedMs = performance.now();
    return (await viewer.seek(place(), gopMs)).atMs - askedMs;
  };
  const turns = await inTurn(
    jumps,
    new Map([
      ['ours', () => timed(ours)],
      ['peer', () => timed(peer).finally(() => jump++)],
    ]),
  );
  return [
    latencyRow('seek to a cold place, median', 200, turns.get('ours'), turns.get('peer'), (ms) => ms),
    latencyRow('seek to a cold place, worst', 200, turns.get('ours'), turns.get('peer'), (ms) => ms, Math.max),
  ];
}

function latencyRow<T>(
  name: string,
  bound: number | undefined,
  ours: Turns<T> | undefined,
  peer: Turns<T> | undefined,
  pick: (sample: T) => number,
  summary: (...values: number[]) => number = (...values) => median(values),
): BenchRow {
  const figure = (turns: Turns<T> | undefined) =>
    turns?.kind === 'measured' ? summary(...turns.samples.map(pick)) : null;
  const reasons = [ours, peer].flatMap((turns) => (turns?.kind === 'failed' ? [`not measured: ${turns.reason}`] : []));
  return {
    name,
    unit: 'ms',
    better: 'lower',
    target: bound === undefined ? null : atMost(bound),
    value: figure(ours),
    peer: figure(peer),
    notes: reasons,
  };
}

/** The index as it is kept on disk, and crosses from the thread that makes it. */
export function indexRows(film: Film): Promise<readonly BenchRow[]> {
  const heads: readonly RowHead[] = [
    { name: 'index of the film', unit: 'MiB', better: 'lower', target: atMost(4) },
    { name: 'processor time to make it', unit: 'ms', better: 'lower', target: null },
  ];
  return rowsOf(heads, async () => {
    const before = process.cpuUsage();
    const encoded = encodeStoredMedia(readLocally(openStoredMedia(film.lengthBytes), film.file));
    const { system, user } = process.cpuUsage(before);
    return [{ value: encoded.length / mebibyte }, { value: (system + user) / 1_000 }];
  });
}

function readLocally<Result>(reading: Reading<Result>, file: string): Result {
  const descriptor = openSync(file, 'r');
  try {
    let step = reading.next(new Uint8Array(0));
    while (step.done !== true) {
      const { from, to } = step.value;
      const bytes = new Uint8Array(to - from);
      step = reading.next(bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, from)));
    }
    return step.value;
  } finally {
    closeSync(descriptor);
  }
}
