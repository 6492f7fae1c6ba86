import type { BenchRow } from './report.ts';
import type { Clip } from './rtmp-clip.ts';
import { leaveHandshakesOpen, playUnderLoad } from './rtmp-load.ts';
import { atMost, rowsOf } from './rtmp-rows.ts';
import { playlistsFullSeconds, startNginxRtmp, startOurOrigin } from './rtmp-servers.ts';

const kibibyte = 1_024;
const mebibyte = 1_048_576;

const memoryBoundKiB = 48;

/**
 * Resident memory of a fresh process with few players and with many, each after it has settled; the slope between the
 * two is what a player costs: buffers that all share are in both.
 */
export function memoryRows(
  generator: string,
  clip: Clip,
  workFolder: string,
  [few, many]: readonly [number, number],
): Promise<readonly BenchRow[]> {
  const head = {
    name: `RTMP, default: memory per player, ${few} to ${many} players, vs nginx-rtmp`,
    unit: 'KiB',
    better: 'lower',
    target: atMost(memoryBoundKiB),
  } as const;
  return rowsOf([head], async () => {
    await using ours = await startOurOrigin(`${workFolder}/memory-ours`);
    await using nginx = await startNginxRtmp(`${workFolder}/memory-nginx`);
    const [value, peer] = await Promise.all(
      [ours, nginx].map(async ({ process, rtmpPort }) => {
        const { stages } = await playUnderLoad(generator, {
          servers: [process],
          publishPort: rtmpPort,
          playPort: rtmpPort,
          protocol: 'rtmp',
          clip,
          stream: 'memory',
          players: [few, many],
          joinsPerSecond: 200,
          settleSeconds: 4,
          measureSeconds: [1],
          probes: 8,
        });
        const [first, last] = stages;
        if (first === undefined || last === undefined) throw new Error('a number of players was left out');
        if (last.closedPlayers > 0) throw new Error(`${last.closedPlayers} players were disconnected`);
        return (last.serverRssBytes - first.serverRssBytes) / (many - few) / kibibyte;
      }),
    );
    if (value === undefined) throw new Error('ours was left out');
    return [{ value, peer: peer ?? null }];
  });
}

const halfOpenBoundMiB = 20;

/** The default of `handshakeTimeout`, and half a second for the machine. */
const handshakeBoundSeconds = 5.5;

/** Connections that send half of C0 and C1 and wait. */
export function halfOpenRows(generator: string, workFolder: string, connections: number): Promise<readonly BenchRow[]> {
  const what = `${connections} half-open handshakes`;
  return rowsOf(
    [
      { name: `${what}: memory`, unit: 'MiB', better: 'lower', target: atMost(halfOpenBoundMiB) },
      { name: `${what}: until the last is closed`, unit: 's', better: 'lower', target: atMost(handshakeBoundSeconds) },
    ],
    async () => {
      await using ours = await startOurOrigin(`${workFolder}/half-open`);
      const report = await leaveHandshakesOpen(generator, ours.process, {
        port: ours.rtmpPort,
        connections,
        joinsPerSecond: 1_000,
        seconds: handshakeBoundSeconds + 2,
      });
      if (report.openAtOnce < connections) {
        throw new Error(`only ${report.openAtOnce} of ${connections} connections were open at once`);
      }
      const open = report.connections - report.closed;
      return [
        { value: (report.serverRssBytesMost - report.serverRssBytesBefore) / mebibyte },
        open === 0
          ? { value: report.lastClosedAfterSeconds }
          : { value: null, notes: [`${open} of ${connections} were still open at the end`] },
      ];
    },
  );
}

/** Small beside what is published while it is measured, and beside the default. */
const maxQueue = '1MiB';

/**
 * One more player than `readers` asks to play and never reads. The heap of a process breathes by more than its queue,
 * so another process without that player runs beside it, and what counts is the difference: flat is less than half of
 * what a queue without a bound would hold. It is measured before such a player is disconnected.
 */
export function stalledRows(
  generator: string,
  clip: Clip,
  workFolder: string,
  { readers, seconds }: { readonly readers: number; readonly seconds: number },
): Promise<readonly BenchRow[]> {
  const what = `one of ${readers + 1} players never reads`;
  const published = Math.round((clip.bytesPerSecond * seconds) / mebibyte);
  const run = async (folder: string, stalledPlayer: boolean) => {
    await using ours = await startOurOrigin(folder, { maxQueue });
    const { stages } = await playUnderLoad(generator, {
      servers: [ours.process],
      publishPort: ours.rtmpPort,
      playPort: ours.rtmpPort,
      protocol: 'rtmp',
      clip,
      stream: 'stalled',
      players: [readers],
      joinsPerSecond: 100,
      settleSeconds: playlistsFullSeconds,
      measureSeconds: [1],
      probes: readers,
      later: { seconds, stalledPlayer },
    });
    const [before, after] = stages;
    if (before === undefined || after === undefined) throw new Error('a stage was left out');
    if (after.closedPlayers > 0) throw new Error(`${after.closedPlayers} of those that read were disconnected`);
    if (after.frames === 0) throw new Error('those that read got no frame');
    return {
      growthMiB: (after.serverRssBytes - before.serverRssBytes) / mebibyte,
      lostFrames: before.lostFrames + after.lostFrames,
    };
  };
  return rowsOf(
    [
      {
        name: `${what}, maxQueue ${maxQueue}: memory while ${published} MiB are published`,
        unit: 'MiB',
        better: 'lower',
        target: atMost(Math.floor(published / 2)),
      },
      { name: `${what}: frames that the others lost`, unit: 'frames', better: 'lower', target: atMost(0) },
    ],
    async () => {
      const [stalled, control] = await Promise.all([
        run(`${workFolder}/stalled`, true),
        run(`${workFolder}/not-stalled`, false),
      ]);
      return [{ value: stalled.growthMiB - control.growthMiB }, { value: stalled.lostFrames }];
    },
  );
}
