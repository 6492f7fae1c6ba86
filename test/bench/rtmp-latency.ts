import { inTurn, type Turns } from './in-turn.ts';
import type { BenchRow } from './report.ts';
import { type Clip, keyframeIntervalSeconds } from './rtmp-clip.ts';
import { type PlayLoad, type PlayReport, playUnderLoad } from './rtmp-load.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';
import { type RtmpServerProcess, startOurEdge, startOurOrigin } from './rtmp-servers.ts';

export interface LatencyPlan {
  readonly generator: string;
  readonly clip: Clip;
  readonly workFolder: string;
}

const firstFrameBoundMs = 10;

/** Joins spread over two keyframe intervals, so that they meet every place in a GOP. */
const joiners = 30;
const joinersPerSecond = joiners / (2 * keyframeIntervalSeconds);

async function join(
  { generator, clip }: LatencyPlan,
  server: RtmpServerProcess,
  protocol: PlayLoad['protocol'],
): Promise<PlayReport['firstFrame']> {
  const { firstFrame } = await playUnderLoad(generator, {
    servers: [server.process],
    publishPort: server.rtmpPort,
    playPort: protocol === 'rtmp' ? server.rtmpPort : (server.httpPort ?? 0),
    protocol,
    clip,
    stream: `late-${protocol}`,
    players: [joiners],
    joinsPerSecond: joinersPerSecond,
    settleSeconds: keyframeIntervalSeconds,
    measureSeconds: [0.1],
    probes: joiners,
  });
  if (firstFrame.missing > 0) throw new Error(`${firstFrame.missing} of ${joiners} players got no keyframe`);
  return firstFrame;
}

/** From `play` being sent to the first picture that can be shown having come whole. */
export async function firstFrameRows(
  plan: LatencyPlan,
  ours: () => Promise<RtmpServerProcess>,
  peers: { readonly nginx: RtmpServerProcess; readonly nodeMediaServer: RtmpServerProcess },
): Promise<readonly BenchRow[]> {
  const { nginx, nodeMediaServer } = peers;
  const results = await inTurn(
    1,
    new Map([
      ['ours, RTMP', async () => join(plan, await ours(), 'rtmp')],
      ['node-media-server, RTMP', () => join(plan, nodeMediaServer, 'rtmp')],
      ['nginx-rtmp, RTMP', () => join(plan, nginx, 'rtmp')],
      ['ours, HTTP-FLV', async () => join(plan, await ours(), 'http-flv')],
      ['node-media-server, HTTP-FLV', () => join(plan, nodeMediaServer, 'http-flv')],
    ]),
  );
  const pairs = [
    { protocol: 'RTMP', peerName: 'node-media-server' },
    { protocol: 'RTMP', peerName: 'nginx-rtmp' },
    { protocol: 'HTTP-FLV', peerName: 'node-media-server' },
  ];
  return pairs.flatMap(({ protocol, peerName }) => firstFrameRowsOf(results, protocol, peerName));
}

type FirstFrame = PlayReport['firstFrame'];

function firstFrameRowsOf(
  results: ReadonlyMap<string, Turns<FirstFrame>>,
  protocol: string,
  peerName: string,
): BenchRow[] {
  const missing: string[] = [];
  const resultOf = (who: string): FirstFrame | undefined => {
    const turns = results.get(`${who}, ${protocol}`);
    if (turns?.kind === 'failed') missing.push(`not measured: ${who}, ${protocol}: ${turns.reason}`);
    return turns?.kind === 'measured' ? turns.samples[0] : undefined;
  };
  const ours = resultOf('ours');
  const peer = resultOf(peerName);
  const row = (which: string, pick: (result: FirstFrame) => number | null): BenchRow => ({
    name: `${protocol}, first frame of a late joiner, ${which}, vs ${peerName}`,
    unit: 'ms',
    better: 'lower',
    target: atMost(firstFrameBoundMs),
    value: ours === undefined ? null : pick(ours),
    peer: peer === undefined ? null : pick(peer),
    notes: missing,
  });
  const inAll = row('median from connecting', ({ fromConnectMedianMs }) => fromConnectMedianMs);
  return [row('median', ({ medianMs }) => medianMs), row('worst', ({ maxMs }) => maxMs), { ...inAll, target: null }];
}

const relayBoundMs = 20;

/** Published to an origin, played from an edge that pulls: two processes of ours on the core for servers. */
export function relayRows({ generator, clip, workFolder }: LatencyPlan, players: number): Promise<readonly BenchRow[]> {
  const head = (which: string, bound: number | null): RowHead => ({
    name: `RTMP, origin to edge to ${players} players: added latency, ${which}`,
    unit: 'ms',
    better: 'lower',
    target: bound === null ? null : atMost(bound),
  });
  return rowsOf([head('median', null), head('p99', relayBoundMs)], async () => {
    await using origin = await startOurOrigin(`${workFolder}/relay-origin`);
    await using edge = await startOurEdge(`${workFolder}/relay-edge`, origin);
    const { stages } = await playUnderLoad(generator, {
      servers: [origin.process, edge.process],
      publishPort: origin.rtmpPort,
      playPort: edge.rtmpPort,
      protocol: 'rtmp',
      clip,
      stream: 'relayed',
      players: [players],
      joinsPerSecond: 200,
      settleSeconds: keyframeIntervalSeconds,
      measureSeconds: [4],
      probes: 20,
    });
    const [stage] = stages;
    if (stage === undefined || stage.frames === 0) throw new Error('no frame of the publisher came through the edge');
    const notes = stage.lostFrames === 0 ? [] : [`${stage.lostFrames} of ${stage.frames} frames were lost on the way`];
    return [{ value: stage.latencyMs.median, notes }, { value: stage.latencyMs.p99 }];
  });
}
