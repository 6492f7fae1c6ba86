import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './in-turn.ts';
import { ClipSender, ClipSenders, rtmpOutlet, tagsOf } from './live-clip-sender.ts';
import { lastFrameKeyOf } from './live-latency.ts';
import { followRendition, promisedPart, ViewerConnections } from './live-viewer.ts';
import { compileLoadProgram } from './load-program.ts';
import { loadCore, pinned } from './processor.ts';
import type { BenchRow } from './report.ts';
import type { Clip } from './rtmp-clip.ts';
import { atMost, type RowHead, rowsOf } from './rtmp-rows.ts';
import { startOurEdge, startOurOrigin } from './rtmp-servers.ts';

interface BlockedPlan {
  readonly clip: Clip;
  readonly workFolder: string;
  readonly quick: boolean;
}

/** What the load program says of one round; times on the monotonic clock of the system. */
interface Round {
  readonly ok: number;
  readonly askedMs: number;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly lastMs: number;
  /** From here on: from the first answer to the last. The thread of the edge that answers. */
  readonly serverRanMs: number;
  /** It was ready to run, and something else had its core. */
  readonly serverWaitedMs: number;
  /** All other threads of the edge, the origin and this process. */
  readonly othersRanMs: number;
  /** The load program. */
  readonly loadRanMs: number;
}

const boundMs = 50;
/** The part after the next but one is far enough ahead for all to have asked before it is there. */
const partsAhead = 2;

/**
 * Viewers at an edge who all wait for the same state of a playlist: from the last picture of the part that it lists having
 * been sent to the last of them having the answer whole, and how often the edge has asked the origin for it.
 */
export function blockedRows({ clip, workFolder, quick }: BlockedPlan): Promise<readonly BenchRow[]> {
  const viewers = quick ? 200 : 2_000;
  const head = { unit: 'ms', better: 'lower' } as const;
  const what = `${viewers.toLocaleString('en-US')} viewers blocked on one playlist`;
  const heads: readonly RowHead[] = [
    { ...head, name: `${what}: the last has it, worst part`, target: atMost(boundMs) },
    { ...head, name: `${what}: the last has it, median of the parts`, target: null },
    { ...head, name: `${what}: the first has it, median of the parts`, target: null },
    { name: `${what}: requests to the origin for a part, most`, unit: 'requests', better: 'lower', target: atMost(1) },
  ];
  return rowsOf(heads, async () => {
    const program = await compileLoadProgram('blocked-viewers', 'blocked-viewers.c');
    await using origin = await startOurOrigin(`${workFolder}/blocked`);
    await using counter = await countRequests(origin.httpPort ?? 0);
    await using edge = await startOurEdge(`${workFolder}/blocked-edge`, { ...origin, httpPort: counter.port });
    const sender = new ClipSender(tagsOf(clip), await rtmpOutlet(origin.rtmpPort, 'stage'));
    await using senders = new ClipSenders();
    senders.add(sender);
    using connections = new ViewerConnections(`http://127.0.0.1:${origin.httpPort}`);
    // So that the origin and the edge have done before what is measured.
    const leaving = new AbortController();
    using edgeConnections = new ViewerConnections(`http://127.0.0.1:${edge.httpPort}`);
    const watching = followRendition(edgeConnections, { stream: 'stage', rendition: 'video' }, leaving.signal);
    await Promise.race([sleep(quick ? 3_000 : 10_000), watching]);

    const pids = [edge.process.pid, origin.process.pid, process.pid];
    await using load = await startViewers(program, edge.httpPort ?? 0, viewers, pids);
    const clockMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
    const delays: { first: number; last: number; requests: number; round: Round }[] = [];
    const rounds = quick ? 3 : 20;
    while (delays.length < rounds) {
      const playlist = await connections.get('/live/stage/video.m3u8');
      const promised = promisedPart(playlist.body.toString());
      const part = Number(promised?.part) + partsAhead;
      // A segment of two seconds has six parts.
      if (promised === undefined || part > 4) {
        await sleep(100);
        continue;
      }
      const path = `/live/stage/video.m3u8?_HLS_msn=${promised.msn}&_HLS_part=${part}`;
      const round = await load.ask(path);
      if (round.ok < viewers) throw new Error(`${viewers - round.ok} of ${viewers} viewers were refused`);
      const { body } = await connections.get(`/live/stage/${promised.folder}${promised.msn}.${part}.m4s`);
      const sent = sender.timesOf('video', lastFrameKeyOf(body));
      if (sent === undefined) throw new Error('a part ends with a picture that was not sent');
      const sentMs = sent.atMs + clockMs;
      if (round.askedMs > sentMs) throw new Error('the part was there before all viewers had asked');
      const requests = counter.requestsFor(path);
      delays.push({ first: round.firstMs - sentMs, last: round.lastMs - sentMs, requests, round });
    }
    leaving.abort();
    await watching;
    const worst = delays.reduce((a, b) => (b.last > a.last ? b : a));
    return [
      { value: worst.last, notes: notesOf(worst.round) },
      { value: median(delays.map(({ last }) => last)) },
      { value: median(delays.map(({ first }) => first)) },
      { value: Math.max(...delays.map(({ requests }) => requests)) },
    ];
  });
}

const busyShare = 0.9;
const disturbedShare = 0.1;

/** Where the time between the first answer of a round and the last has gone. */
function notesOf({ firstMs, lastMs, serverRanMs, serverWaitedMs, othersRanMs, loadRanMs }: Round): string[] {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const spanMs = lastMs - firstMs;
  const foreignMs = Math.max(0, serverWaitedMs - othersRanMs);
  const notes = [
    `of the worst ${ms(spanMs)} lie between first and last: the edge's thread ran ${ms(serverRanMs)} of them and was ready but did not run for ${ms(serverWaitedMs)}; the load generator ran ${ms(loadRanMs)}`,
  ];
  if (loadRanMs > spanMs * busyShare) notes.push('the load generator was the bottleneck');
  if (foreignMs > spanMs * disturbedShare) {
    notes.push(
      `something else ran on this machine: for at least ${ms(foreignMs)} of that it was no thread of edge, origin or bench that had the core`,
    );
  }
  return notes;
}

interface BlockedViewers extends AsyncDisposable {
  ask(path: string): Promise<Round>;
}

async function startViewers(
  program: string,
  port: number,
  viewers: number,
  serverPids: readonly number[],
): Promise<BlockedViewers> {
  const servers = serverPids.flatMap((pid) => ['--server-pid', String(pid)]);
  const args = ['--port', String(port), '--connections', String(viewers), ...servers];
  const child = spawn(...pinned(loadCore, program, args), { stdio: ['pipe', 'pipe', 'inherit'] });
  const endAtOnce = () => child.kill('SIGKILL');
  process.once('exit', endAtOnce);
  const exit = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the program of the blocked viewers has ended');
    return line.value;
  };
  await nextLine();
  return {
    async ask(path) {
      child.stdin.write(`${path}\n`);
      return JSON.parse(await nextLine()) as Round;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exit;
      process.off('exit', endAtOnce);
    },
  };
}

interface RequestCounter extends AsyncDisposable {
  readonly port: number;
  requestsFor(path: string): number;
}

/** A way to a server that sees the requests which go there. */
async function countRequests(targetPort: number): Promise<RequestCounter> {
  let seen = '';
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    near.setNoDelay(true);
    near.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
    });
    near.pipe(far);
    far.pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requestsFor: (path) => seen.split(`GET ${path} HTTP/1.1\r\n`).length - 1,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
