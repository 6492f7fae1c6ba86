import { setTimeout as sleep } from 'node:timers/promises';
import { median, medianSample } from './in-turn.ts';
import { ClipSender, ClipSenders, rtmpOutlet, tagsOf } from './live-clip-sender.ts';
import { type FfmpegPackager, startFfmpegPackager, startFfmpegRtmpPackager } from './live-servers.ts';
import { followRendition, pollRendition, ViewerConnections } from './live-viewer.ts';
import { exactCpuSeconds, proportionalBytes } from './process-figures.ts';
import type { BenchRow } from './report.ts';
import type { Clip } from './rtmp-clip.ts';
import { atMost, atMostTimesThePeer, type Figure, type RowHead, rowsOf } from './rtmp-rows.ts';
import { type RtmpServerProcess, startOurOrigin } from './rtmp-servers.ts';

const mebibyte = 1_048_576;
const third = 0.333;

/** Until code that runs often has been translated, and what leaves the window equals what comes. */
const warmUpSeconds = 22;
const windowSeconds = 10;

interface CostPlan {
  readonly clip: Clip;
  readonly workFolder: string;
  readonly quick: boolean;
}

const unwatchedName = 'one stream, nobody watches: CPU';
const polledName = 'one stream, watched by one without low latency: CPU';
const watchedName = 'one stream, watched by one who waits for each part: CPU';
const cpu = { unit: '% of a core', better: 'lower' } as const;

const cpuHeads: readonly RowHead[] = [
  { ...cpu, name: unwatchedName, target: atMost(0.5) },
  { ...cpu, name: `${unwatchedName}, vs ffmpeg`, target: atMostTimesThePeer(third) },
  { ...cpu, name: `${unwatchedName}, vs ffmpeg with FLV on a pipe`, target: null },
  { ...cpu, name: polledName, target: atMost(0.5) },
  { ...cpu, name: `${polledName}, vs ffmpeg`, target: null },
  { ...cpu, name: watchedName, target: atMost(0.5) },
  { ...cpu, name: `${watchedName}, vs ffmpeg`, target: atMostTimesThePeer(third) },
];

/**
 * One stream, packaged by a process of ours and by ffmpeg, which is published to over RTMP as we are: at the same time,
 * over the same seconds. First while nobody watches, beside an ffmpeg that has no RTMP to do; then one that somebody watches
 * without low latency and one that somebody waits at for each part, so that what viewers cost is not in the way of the
 * first. The processor time is that of the whole process, RTMP and HTTP included.
 */
export function cpuRows(plan: CostPlan): Promise<readonly BenchRow[]> {
  return rowsOf(cpuHeads, async () => {
    const folder = `${plan.workFolder}/cpu`;
    const alone = await (async () => {
      await using unwatched = await startOurOrigin(`${folder}-unwatched`);
      const ffmpeg = await startFfmpegRtmpPackager(`${folder}-ffmpeg`);
      const ffmpegPipe = await startFfmpegPackager(`${folder}-ffmpeg-pipe`);
      return await sharesOfACore(plan, { unwatched, ffmpeg, ffmpegPipe });
    })();
    const followed = await (async () => {
      await using polled = await startOurOrigin(`${folder}-polled`);
      await using watched = await startOurOrigin(`${folder}-watched`);
      const ffmpeg = await startFfmpegRtmpPackager(`${folder}-ffmpeg-then`);
      return await sharesOfACore(plan, { polled, watched, ffmpeg }, (act) =>
        whileFollowed(polled, ['one'], pollRendition, () => whileFollowed(watched, ['one'], followRendition, act)),
      );
    })();
    return [
      { value: alone.unwatched },
      { value: alone.unwatched, peer: alone.ffmpeg },
      { value: alone.unwatched, peer: alone.ffmpegPipe },
      { value: followed.polled },
      { value: followed.polled, peer: followed.ffmpeg },
      { value: followed.watched },
      { value: followed.watched, peer: followed.ffmpeg },
    ];
  });
}

/** Each is sent the clip in real time, and viewers come and go with `whileWatched`; medians of windows, the same for all. */
async function sharesOfACore<Name extends string>(
  { clip, quick }: CostPlan,
  packagers: Readonly<Record<Name, RtmpServerProcess | FfmpegPackager>>,
  whileWatched: (act: () => Promise<void>) => Promise<void> = (act) => act(),
): Promise<Record<Name, number>> {
  const tags = tagsOf(clip);
  const named = Object.entries(packagers) as [Name, RtmpServerProcess | FfmpegPackager][];
  const pids = new Map<Name, number>();
  await using senders = new ClipSenders();
  for (const [name, packager] of named) {
    const { pid, outlet } =
      'outlet' in packager
        ? packager
        : { pid: packager.process.pid, outlet: await rtmpOutlet(packager.rtmpPort, 'one') };
    pids.set(name, pid);
    senders.add(new ClipSender(tags, outlet), named.length);
  }
  const cpuSeconds = () => [...pids].map(([name, pid]) => [name, exactCpuSeconds(pid)] as const);
  const windows: Record<Name, number>[] = [];
  await whileWatched(async () => {
    await sleep((quick ? 3 : warmUpSeconds) * 1_000);
    for (let round = 0; round < (quick ? 1 : 8); round++) {
      const before = new Map(cpuSeconds());
      const beganAtMs = performance.now();
      await sleep((quick ? 2 : windowSeconds) * 1_000);
      const percentOf = (seconds: number) => (seconds / (performance.now() - beganAtMs)) * 100_000;
      const shares = cpuSeconds().map(([name, after]) => [name, percentOf(after - (before.get(name) ?? 0))]);
      windows.push(Object.fromEntries(shares) as Record<Name, number>);
    }
  });
  return medianSample(windows);
}

/** With somebody who follows both renditions of each stream. */
async function whileFollowed(
  server: RtmpServerProcess,
  streams: readonly string[],
  follow: typeof pollRendition,
  act: () => Promise<void>,
): Promise<void> {
  const leaving = new AbortController();
  using connections = new ViewerConnections(`http://127.0.0.1:${server.httpPort}`, streams.length * 4);
  const following = streams.flatMap((stream) =>
    ['video', 'audio'].map((rendition) => follow(connections, { stream, rendition }, leaving.signal)),
  );
  const followed = Promise.all(following).then(() => {});
  try {
    await Promise.race([act(), followed]);
  } finally {
    leaving.abort();
  }
  await followed;
}

const fewStreams = 1;

/** Streams, and as many ffmpegs, that memory is compared with. */
const manyStreams = 8;

const memoryHeads: readonly RowHead[] = [
  {
    name: `memory of a further stream, ${fewStreams} to ${manyStreams}, beyond its window`,
    unit: 'MiB',
    better: 'lower',
    target: atMost(20),
  },
  {
    name: `memory of a further stream beyond its window, vs one of ${manyStreams} ffmpegs`,
    unit: 'MiB',
    better: 'lower',
    target: atMostTimesThePeer(third),
  },
  { name: 'the same with its window, vs ffmpeg', unit: 'MiB', better: 'lower', target: null },
  {
    name: 'the first stream, beyond its window and the idle process',
    unit: 'MiB',
    better: 'lower',
    target: atMost(20),
  },
  { name: 'whole process with one stream, vs one ffmpeg', unit: 'MiB', better: 'lower', target: null },
];

/** Memory (PSS) of one process of ours with growing numbers of streams, all watched, and of as many ffmpegs. */
export function memoryRows({ clip, workFolder, quick }: CostPlan): Promise<readonly BenchRow[]> {
  return rowsOf(memoryHeads, async () => {
    const tags = tagsOf(clip);
    await using ours = await startOurOrigin(`${workFolder}/memory`);
    await using senders = new ClipSenders();
    const { pid } = ours.process;
    const pids: number[] = [];
    const settled = async () => {
      await sleep((quick ? 3 : warmUpSeconds) * 1_000);
      const samples: { ours: number; theirs: number }[] = [];
      for (let sample = 0; sample < 9; sample++) {
        samples.push({
          ours: proportionalBytes(pid),
          theirs: pids.reduce((sum, one) => sum + proportionalBytes(one), 0),
        });
        await sleep(quick ? 50 : 500);
      }
      return {
        ours: median(samples.map((sample) => sample.ours)) / mebibyte,
        theirs: median(samples.map((sample) => sample.theirs)) / mebibyte,
      };
    };
    const add = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        const ffmpeg = await startFfmpegPackager(`${workFolder}/memory-ffmpeg-${n}`);
        pids.push(ffmpeg.pid);
        senders.add(new ClipSender(tags, ffmpeg.outlet), manyStreams);
        senders.add(new ClipSender(tags, await rtmpOutlet(ours.rtmpPort, `s${n}`)), manyStreams);
      }
    };
    const idle = await settled();
    await add(0, fewStreams);
    let few = idle;
    let windowMiB = 0;
    await whileFollowed(ours, ['s0'], followRendition, async () => {
      few = await settled();
      windowMiB = (await windowBytes(ours, 's0')) / mebibyte;
    });
    await add(fewStreams, manyStreams);
    let many = few;
    await whileFollowed(ours, names(manyStreams), followRendition, async () => {
      many = await settled();
    });
    const further = (many.ours - few.ours) / (manyStreams - fewStreams);
    const theirs = many.theirs / manyStreams;
    return [
      { value: further - windowMiB, notes: [`a window of ${windowMiB.toFixed(1)} MiB: every byte that still answers`] },
      { value: further - windowMiB, peer: theirs, notes: ["ffmpeg's window is in files and not counted either"] },
      { value: further, peer: theirs },
      { value: few.ours - idle.ours - windowMiB },
      {
        value: few.ours,
        peer: few.theirs,
        notes: ["ours is Node and all that the origin can, ffmpeg's libraries are shared"],
      },
    ] satisfies Figure[];
  });
}

/** What the stream's segments take that still answer, listed or not. */
async function windowBytes({ httpPort }: RtmpServerProcess, stream: string): Promise<number> {
  using connections = new ViewerConnections(`http://127.0.0.1:${httpPort}`);
  let bytes = 0;
  for (const rendition of ['video', 'audio']) {
    const playlist = (await connections.get(`/live/${stream}/${rendition}.m3u8`)).body.toString();
    const [, folder, last] = [...playlist.matchAll(/^(\S+\/)(\d+)\.m4s$/gm)].at(-1) ?? [];
    for (let msn = Number(last); msn >= 0; msn--) {
      const { status, body } = await connections.get(`/live/${stream}/${folder}${msn}.m4s`);
      if (status !== 200) break;
      bytes += body.length;
    }
  }
  return bytes;
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `s${n}`);
}

const linearityBound = 1.15;

/** Processor time of a stream among many, to that among few; nobody watches. */
export function linearityRows({ clip, workFolder, quick }: CostPlan): Promise<readonly BenchRow[]> {
  const [few, many] = quick ? [4, 10] : [20, 100];
  const heads: readonly RowHead[] = [
    {
      name: `${many} streams: CPU of each, vs ${few} streams`,
      unit: '% of a core',
      better: 'lower',
      target: atMostTimesThePeer(linearityBound),
    },
  ];
  return rowsOf(heads, async () => {
    const tags = tagsOf(clip);
    await using ours = await startOurOrigin(`${workFolder}/linear`);
    await using senders = new ClipSenders();
    const add = async (from: number, to: number) => {
      for (let n = from; n < to; n++) senders.add(new ClipSender(tags, await rtmpOutlet(ours.rtmpPort, `s${n}`)), 20);
    };
    const each = async (streams: number) => {
      await sleep((quick ? 3 : warmUpSeconds) * 1_000);
      const before = exactCpuSeconds(ours.process.pid);
      const beganAtMs = performance.now();
      await sleep((quick ? 2 : windowSeconds) * 1_000);
      return ((exactCpuSeconds(ours.process.pid) - before) / (performance.now() - beganAtMs) / streams) * 100_000;
    };
    await add(0, few);
    const peer = await each(few);
    await add(few, many);
    return [{ value: await each(many), peer }];
  });
}
