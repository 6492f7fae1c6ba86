import { inTurn, type Turns } from './in-turn.ts';
import type { BenchRow } from './report.ts';
import { type Clip, keyframeIntervalSeconds } from './rtmp-clip.ts';
import { playUnderLoad } from './rtmp-load.ts';
import {
  atMost,
  atMostTimesThePeer,
  comparedFigure,
  type Figure,
  figuresOf,
  type RowHead,
  rowsOf,
  type StageFigures,
  type StageSample,
  stageSample,
} from './rtmp-rows.ts';
import type { FanOutConfiguration, RtmpServerProcess } from './rtmp-servers.ts';

/** A merge window of ours, and what issue and performance notes ask of it at the largest number of players. */
export interface MergeWindow {
  readonly name: string;
  readonly fanOut: FanOutConfiguration;
  /** CPU per player relative to nginx-rtmp's. */
  readonly rtmpTarget: number | null;
  /**
   * Added latency, the median over all players, with each number of them. Who is served in the middle waits for the writes
   * before: on two shared cores a loop in C that does nothing but write a frame to 600 players takes 3.4 to 4.6 ms, and
   * to 300 players 1.7 to 2.3 ms. There the target cannot be held by a program that writes to one after the other.
   */
  readonly latencyTargetMs: number | null;
  /** CPU per player relative to node-media-server's; undefined: not measured. */
  readonly flvTarget: number | undefined;
}

export const mergeWindows: readonly MergeWindow[] = [
  { name: 'at once', fanOut: { mergeWindow: '0ms' }, rtmpTarget: 1, latencyTargetMs: 1, flvTarget: 0.55 },
  { name: '20 ms', fanOut: { mergeWindow: '20ms' }, rtmpTarget: 0.55, latencyTargetMs: null, flvTarget: undefined },
  { name: '100 ms', fanOut: { mergeWindow: '100ms' }, rtmpTarget: 0.25, latencyTargetMs: null, flvTarget: undefined },
  { name: '350 ms', fanOut: { mergeWindow: '350ms' }, rtmpTarget: 0.16, latencyTargetMs: null, flvTarget: 0.1 },
  { name: 'default', fanOut: {}, rtmpTarget: null, latencyTargetMs: null, flvTarget: undefined },
];

export interface FanOutPlan {
  readonly generator: string;
  readonly clip: Clip;
  readonly players: readonly number[];
  readonly rounds: number;
  readonly warmUpSeconds: number;
  /** By the names of `mergeWindows`; or why it does not run. */
  readonly ours: ReadonlyMap<string, RtmpServerProcess | { readonly reason: string }>;
  /** With chunks as large as ours: the harder one, which the targets compare with. */
  readonly nginx: RtmpServerProcess;
  /** With the chunks of 4,096 bytes that it makes when its configuration says nothing. */
  readonly nginxDefault: RtmpServerProcess;
  readonly nodeMediaServer: RtmpServerProcess;
}

/** Of a server that waits for the next keyframe, all players have one by then. */
const settleSeconds = keyframeIntervalSeconds + 0.1;
const joinsPerSecond = 800;
const probes = 12;

const nginxName = 'nginx-rtmp';
const nginxDefaultName = 'nginx-rtmp as it comes';

export async function fanOutRows(plan: FanOutPlan): Promise<readonly BenchRow[]> {
  await warmUp(plan);
  const rtmp = await inTurn(
    plan.rounds,
    new Map([
      [nginxName, visit(plan, plan.nginx, 'rtmp')],
      [nginxDefaultName, visit(plan, plan.nginxDefault, 'rtmp')],
      ...ourVisits(plan),
    ]),
  );
  const flvWindows = mergeWindows.filter(({ flvTarget }) => flvTarget !== undefined);
  const flv = await inTurn(
    plan.rounds,
    new Map([
      ['node-media-server', visit(plan, plan.nodeMediaServer, 'http-flv')],
      ...flvWindows.map(({ name }): [string, Visit] => [name, ourVisit(plan, name, 'http-flv')]),
    ]),
  );
  const rows: BenchRow[] = [];
  for (const window of mergeWindows) rows.push(...(await rtmpRows(plan, window, rtmp)));
  rows.push(...(await furtherPlayerRows(plan, rtmp)), ...(await linearityRows(plan, rtmp)));
  rows.push(...(await flvRows(plan, flvWindows, flv)));
  return rows;
}

/**
 * One stream with one player on every server, ours and others, all at the same time. What runs on Node translates code
 * that it has run often: a live server has been up for longer than a visit lasts.
 */
async function warmUp(plan: FanOutPlan): Promise<void> {
  const ours = [...plan.ours.values()].flatMap((server) => ('reason' in server ? [] : [server]));
  await Promise.all(
    [plan.nginx, plan.nginxDefault, plan.nodeMediaServer, ...ours].map(({ process, rtmpPort }) =>
      playUnderLoad(plan.generator, {
        servers: [process],
        publishPort: rtmpPort,
        playPort: rtmpPort,
        protocol: 'rtmp',
        clip: plan.clip,
        stream: 'warm-up',
        players: [1],
        joinsPerSecond,
        settleSeconds,
        measureSeconds: [plan.warmUpSeconds],
        probes: 1,
      }),
    ),
  );
}

type Visit = () => Promise<readonly StageSample[]>;
type Results = ReadonlyMap<string, Turns<readonly StageSample[]>>;

function ourVisits(plan: FanOutPlan): [string, Visit][] {
  return mergeWindows.map(({ name }) => [name, ourVisit(plan, name, 'rtmp')]);
}

function ourVisit(plan: FanOutPlan, windowName: string, protocol: 'rtmp' | 'http-flv'): Visit {
  const server = plan.ours.get(windowName);
  if (server !== undefined && !('reason' in server)) return visit(plan, server, protocol);
  return () => Promise.reject(new Error(server?.reason ?? 'it was not started'));
}

function visit(plan: FanOutPlan, server: RtmpServerProcess, protocol: 'rtmp' | 'http-flv'): Visit {
  let visits = 0;
  return async () => {
    const { httpPort, rtmpPort, process } = server;
    const load = {
      servers: [process],
      publishPort: rtmpPort,
      playPort: protocol === 'rtmp' ? rtmpPort : (httpPort ?? 0),
      protocol,
      clip: plan.clip,
      // A new one each time: nothing of the visit before burdens it.
      stream: `${protocol}-${visits++}`,
      players: protocol === 'rtmp' ? plan.players : plan.players.slice(-1),
      joinsPerSecond,
      settleSeconds,
      measureSeconds: [2],
      probes,
    };
    const { stages } = await playUnderLoad(plan.generator, load);
    return stages.map((stage) => stageSample(stage, plan.clip.bytesPerSecond));
  };
}

const cpuUnit = 'µs/s';

/** CPU for each number of players, which is the curve, and the added latency. */
function rtmpRows(plan: FanOutPlan, window: MergeWindow, results: Results): Promise<readonly BenchRow[]> {
  const { name, rtmpTarget, latencyTargetMs } = window;
  const most = Math.max(...plan.players);
  const peer = (peerName: string, players: number) => figuresOf(peerName, results.get(peerName), players);
  const ours = (players: number) => figuresOf(`ours, ${name}`, results.get(name), players);
  const rows: [RowHead, Figure][] = [];
  const cpu = (players: number, peerName: string, target: number | null) => {
    rows.push([
      {
        name: `RTMP, ${name}, ${players} players: CPU per player, vs ${peerName}`,
        unit: cpuUnit,
        better: 'lower',
        target: target === null ? null : atMostTimesThePeer(target),
      },
      comparedFigure(ours(players), peer(peerName, players), (figures) => figures.cpuMicrosPerPlayerSecond),
    ]);
  };
  const latency = (
    players: number,
    whose: string,
    target: number | null,
    pick: (of: StageFigures) => number | null,
  ) => {
    rows.push([
      {
        name: `RTMP, ${name}, ${players} players: added latency, median, ${whose}, vs ${nginxName}`,
        unit: 'ms',
        better: 'lower',
        target: target === null ? null : atMost(target),
      },
      comparedFigure(ours(players), peer(nginxName, players), pick),
    ]);
  };
  for (const players of plan.players) cpu(players, nginxName, players === most ? rtmpTarget : null);
  cpu(most, nginxDefaultName, null);
  for (const players of plan.players) {
    if (players === most || latencyTargetMs !== null) {
      latency(players, 'all', latencyTargetMs, (figures) => figures.latencyMedianMs);
    }
  }
  latency(most, 'served first', null, (figures) => figures.leastLatencyMedianMs);
  return rowsOf(
    rows.map(([head]) => head),
    async () => rows.map(([, figure]) => figure),
  );
}

/** What one further player costs, from the fewest to the most: what the server does for itself is not in it. */
function furtherPlayerRows(plan: FanOutPlan, results: Results): Promise<readonly BenchRow[]> {
  const few = Math.min(...plan.players);
  const most = Math.max(...plan.players);
  const slope = (who: string) => {
    const before = figuresOf(who, results.get(who), few);
    const after = figuresOf(who, results.get(who), most);
    if ('missing' in before || 'missing' in after) return null;
    return (after.cpuMicrosPerPlayerSecond * most - before.cpuMicrosPerPlayerSecond * few) / (most - few);
  };
  return rowsOf(
    mergeWindows.map(({ name }) => ({
      name: `RTMP, ${name}: CPU of a further player, ${few} to ${most}, vs nginx-rtmp`,
      unit: cpuUnit,
      better: 'lower',
      target: null,
    })),
    async () => mergeWindows.map(({ name }) => ({ value: slope(name), peer: slope(nginxName) })),
  );
}

const linearityBound = 1.15;

/** Twice the players may cost twice as much, and hardly more. */
function linearityRows(plan: FanOutPlan, results: Results): Promise<readonly BenchRow[]> {
  const [before, most] = plan.players.slice(-2);
  if (before === undefined || most === undefined) return Promise.resolve([]);
  const names = ['at once', 'default'];
  const growth = (who: string, turns: Turns<readonly StageSample[]> | undefined) => {
    const few = figuresOf(who, turns, before);
    const many = figuresOf(who, turns, most);
    if ('missing' in few || 'missing' in many) return null;
    return many.cpuMicrosPerPlayerSecond / few.cpuMicrosPerPlayerSecond;
  };
  return rowsOf(
    names.map((name) => ({
      name: `RTMP, ${name}: CPU per player, ${most} players to ${before}, vs nginx-rtmp`,
      unit: 'times',
      better: 'lower',
      target: atMost(linearityBound),
    })),
    async () =>
      names.map((name) => ({
        value: growth(name, results.get(name)),
        peer: growth(nginxName, results.get(nginxName)),
      })),
  );
}

function flvRows(plan: FanOutPlan, windows: readonly MergeWindow[], results: Results): Promise<readonly BenchRow[]> {
  const most = Math.max(...plan.players);
  return rowsOf(
    windows.map(({ name, flvTarget }) => ({
      name: `HTTP-FLV, ${name}, ${most} players: CPU per player, vs node-media-server`,
      unit: cpuUnit,
      better: 'lower',
      target: flvTarget === undefined ? null : atMostTimesThePeer(flvTarget),
    })),
    async () =>
      windows.map(({ name }) =>
        comparedFigure(
          figuresOf(`ours, ${name}`, results.get(name), most),
          figuresOf('node-media-server', results.get('node-media-server'), most),
          (figures) => figures.cpuMicrosPerPlayerSecond,
        ),
      ),
  );
}
