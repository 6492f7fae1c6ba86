import { setTimeout as sleep } from 'node:timers/promises';
import { inTurn, median, type Turns } from './in-turn.ts';
import { proportionalBytes } from './process-figures.ts';
import type { BenchRow } from './report.ts';
import { type FileLoad, playFileUnderLoad, type PlayReport, type StageReport } from './rtmp-load.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';
import { libraryCacheBytes, type RtmpServerProcess } from './rtmp-servers.ts';
import type { Film } from './stored-film.ts';
import type { StoredHouse } from './stored-house.ts';

export interface CrowdScale {
  readonly viewers: number;
  readonly few: number;
  readonly rounds: number;
  readonly measureSeconds: number;
}

const joinsPerSecond = 25;
const settleSeconds = 3;

const busyShare = 0.9;
/** Of what is played while it is measured: who falls behind gets less. */
const leastShareOfStream = 0.85;

/**
 * Viewers who begin all over a film, in equal distances, and play until each has come to where the next one began: all of
 * it is asked for, nothing is there before. Then the same again, when all of it is kept. The edge is to be a new one: what
 * it takes more than then, and than its cache may take, is counted for the viewers.
 */
export async function crowdRows(
  generator: string,
  house: StoredHouse,
  film: Film,
  scale: CrowdScale,
): Promise<readonly BenchRow[]> {
  const { few, measureSeconds, rounds, viewers } = scale;
  const name = house.newName(film);
  const { held, memory } = libraryCacheBytes;
  const idleBytes = proportionalBytes(house.edge.process.pid) + memory + held;
  const coldSeconds = film.seconds / viewers + 3;
  /** Nobody shall come to the end of the film while it is measured. */
  const endSeconds = viewers / joinsPerSecond + 2 * settleSeconds + Math.max(coldSeconds, 2 * measureSeconds);
  const load = (server: RtmpServerProcess, app: string): Omit<FileLoad, 'players' | 'measureSeconds'> => ({
    server: server.process,
    port: server.rtmpPort,
    app,
    name,
    filmSeconds: film.seconds - endSeconds,
    joinsPerSecond,
    settleSeconds,
  });
  const heads: readonly RowHead[] = [
    {
      name: `${viewers} viewers all over a film: bytes from the origin`,
      unit: '× the film',
      better: 'lower',
      target: atMost(1.05),
    },
    {
      name: `${viewers} viewers, cold: processor time for a second of one viewer`,
      unit: 'µs',
      better: 'lower',
      target: null,
    },
  ];
  const cold = await rowsOf(heads, async () => {
    const before = house.link.bytes;
    const report = await playFileUnderLoad(generator, {
      ...load(house.edge, 'cfx/st'),
      players: [viewers],
      measureSeconds: coldSeconds,
    });
    const share = (house.link.bytes - before) / film.lengthBytes;
    if (share < 0.97) throw new Error(`only ${(share * 100).toFixed(0)} % of the film was asked for`);
    const stage = stageOf(report, viewers, film);
    return [
      { value: share, notes: stage.notes },
      { value: stage.cpuMicros, notes: stage.notes },
    ];
  });
  // Of what is being written still.
  await sleep(2_000);

  const again = (server: RtmpServerProcess, app: string) => async (): Promise<Crowd> => {
    const report = await playFileUnderLoad(generator, {
      ...load(server, app),
      players: [few, viewers],
      measureSeconds,
    });
    const [fewer, all] = [stageOf(report, few, film), stageOf(report, viewers, film)];
    const beyondBytes = server === house.edge ? Math.max(0, all.rssBytes - idleBytes) / viewers : undefined;
    const furtherBytes = (all.rssBytes - fewer.rssBytes) / (viewers - few);
    return { ...all, bytesPerViewer: beyondBytes ?? furtherBytes, furtherBytes };
  };
  const turns = await inTurn(
    rounds,
    new Map([
      ['ours', again(house.edge, 'cfx/st')],
      ['peer', again(house.nginx, 'vod')],
    ]),
  );
  const ours = turns.get('ours');
  const peer = turns.get('peer');
  return [
    ...cold,
    crowdRow(
      `${viewers} viewers, warm: processor time for a second of one viewer`,
      'µs',
      undefined,
      ours,
      peer,
      (crowd) => crowd.cpuMicros,
    ),
    crowdRow(
      `${viewers} viewers, warm: memory for each beyond the cache`,
      'KiB',
      256,
      ours,
      peer,
      (crowd) => crowd.bytesPerViewer / 1_024,
    ),
    crowdRow(
      `${viewers} viewers, warm: memory for each after the first ${few}`,
      'KiB',
      undefined,
      ours,
      peer,
      (crowd) => crowd.furtherBytes / 1_024,
    ),
    crowdRow(
      `${viewers} viewers, warm: first picture from connecting, median`,
      'ms',
      undefined,
      ours,
      peer,
      (crowd) => crowd.firstMedianMs,
    ),
    crowdRow(
      `${viewers} viewers, warm: first picture from connecting, worst from play`,
      'ms',
      undefined,
      ours,
      peer,
      (crowd) => crowd.firstWorstMs,
    ),
  ];
}

interface Stage {
  readonly cpuMicros: number;
  readonly rssBytes: number;
  readonly firstMedianMs: number;
  readonly firstWorstMs: number;
  readonly notes: readonly string[];
}

interface Crowd extends Stage {
  readonly bytesPerViewer: number;
  /** Of each that came after the first few. */
  readonly furtherBytes: number;
}

/** Throws where what was measured was not the whole load. */
function stageOf({ stages, firstFrame }: PlayReport, players: number, film: Film): Stage {
  const stage = stages.find((candidate) => candidate.players === players);
  if (stage === undefined) throw new Error(`nothing was measured with ${players} players`);
  const rate = film.lengthBytes / film.seconds;
  if (stage.closedPlayers > 0) throw new Error(`${stage.closedPlayers} players were disconnected`);
  if (firstFrame.missing > 0) throw new Error(`${firstFrame.missing} players got no picture`);
  if (stage.leastBytesPerSecond < rate * leastShareOfStream) {
    throw new Error(`a player got ${Math.round((stage.leastBytesPerSecond / rate) * 100)} % of the film`);
  }
  return {
    cpuMicros: (stage.serverCpuSeconds * 1e6) / stage.seconds / players,
    rssBytes: stage.serverRssBytes,
    firstMedianMs: firstFrame.fromConnectMedianMs ?? NaN,
    firstWorstMs: firstFrame.maxMs ?? NaN,
    notes: disturbances(stage),
  };
}

function disturbances(stage: StageReport): string[] {
  const percent = (seconds: number) => `${Math.round((seconds / stage.seconds) * 100)} %`;
  if (stage.loadCpuSeconds > stage.seconds * busyShare) {
    return [`the load generator was the bottleneck (${percent(stage.loadCpuSeconds)} of its core)`];
  }
  if (stage.serverCpuSeconds > stage.seconds * busyShare) {
    return [`the server had no time left (${percent(stage.serverCpuSeconds)} of its core)`];
  }
  return [];
}

function crowdRow(
  name: string,
  unit: string,
  bound: number | undefined,
  ours: Turns<Crowd> | undefined,
  peer: Turns<Crowd> | undefined,
  pick: (crowd: Crowd) => number,
): BenchRow {
  const figure = (turns: Turns<Crowd> | undefined) =>
    turns?.kind === 'measured' ? median(turns.samples.map(pick)) : null;
  const notes = [ours, peer].flatMap((turns) =>
    turns?.kind === 'failed'
      ? [`not measured: ${turns.reason}`]
      : (turns?.samples.flatMap((crowd) => crowd.notes).slice(0, 1) ?? []),
  );
  return {
    name,
    unit,
    better: 'lower',
    target: bound === undefined ? null : atMost(bound),
    value: figure(ours),
    peer: figure(peer),
    notes,
  };
}
