import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './in-turn.ts';
import { ClipSender, ClipSenders, rtmpOutlet, tagsOf } from './live-clip-sender.ts';
import { startFfmpegPackager, startFfmpegRtmpPackager } from './live-servers.ts';
import { followRendition, ViewerConnections } from './live-viewer.ts';
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

type Packager = 'watched' | 'unwatched' | 'ffmpeg' | 'ffmpegPipe';

const cpuHeads: readonly RowHead[] = [
  { name: 'one stream, watched: CPU', unit: '% of a core', better: 'lower', target: atMost(0.5) },
  {
    name: 'one stream, watched: CPU, vs ffmpeg',
    unit: '% of a core',
    better: 'lower',
    target: atMostTimesThePeer(third),
  },
  { name: 'one stream, nobody watches: CPU', unit: '% of a core', better: 'lower', target: atMost(0.5) },
  {
    name: 'one stream, nobody watches: CPU, vs ffmpeg',
    unit: '% of a core',
    better: 'lower',
    target: atMostTimesThePeer(third),
  },
  {
    name: 'one stream, nobody watches: CPU, vs ffmpeg with FLV on a pipe',
    unit: '% of a core',
    better: 'lower',
    target: null,
  },
];

/**
 * One stream, packaged by a process of ours that somebody watches, by one that nobody watches, and by ffmpeg, which is
 * published to over RTMP as we are, and by one that has no RTMP to do: all at the same time, over the same seconds. The
 * processor time is that of the whole process, RTMP and HTTP included.
 */
export function cpuRows({ clip, workFolder, quick }: CostPlan): Promise<readonly BenchRow[]> {
  return rowsOf(cpuHeads, async () => {
    const tags = tagsOf(clip);
    await using watched = await startOurOrigin(`${workFolder}/watched`);
    await using unwatched = await startOurOrigin(`${workFolder}/unwatched`);
    const ffmpeg = await startFfmpegRtmpPackager(`${workFolder}/ffmpeg`);
    const ffmpegPipe = await startFfmpegPackager(`${workFolder}/ffmpeg-pipe`);
    const pids: readonly (readonly [Packager, number])[] = [
      ['watched', watched.process.pid],
      ['unwatched', unwatched.process.pid],
      ['ffmpeg', ffmpeg.pid],
      ['ffmpegPipe', ffmpegPipe.pid],
    ];
    await using senders = new ClipSenders();
    for (const { outlet } of [ffmpeg, ffmpegPipe]) senders.add(new ClipSender(tags, outlet), pids.length);
    for (const { rtmpPort } of [watched, unwatched]) {
      senders.add(new ClipSender(tags, await rtmpOutlet(rtmpPort, 'one')), pids.length);
    }
    const cpuSeconds = () => new Map(pids.map(([who, pid]) => [who, exactCpuSeconds(pid)]));
    /** Shares of a core, in percent, over the same seconds. */
    const windows: ((who: Packager) => number)[] = [];
    await whileWatched(watched, ['one'], async () => {
      await sleep((quick ? 3 : warmUpSeconds) * 1_000);
      for (let round = 0; round < (quick ? 1 : 4); round++) {
        const before = cpuSeconds();
        const beganAtMs = performance.now();
        await sleep((quick ? 2 : windowSeconds) * 1_000);
        const elapsedMs = performance.now() - beganAtMs;
        const after = cpuSeconds();
        windows.push((who) => (((after.get(who) ?? 0) - (before.get(who) ?? 0)) / elapsedMs) * 100_000);
      }
    });
    const middle = (who: Packager) => median(windows.map((share) => share(who)));
    return [
      { value: middle('watched') },
      { value: middle('watched'), peer: middle('ffmpeg') },
      { value: middle('unwatched') },
      { value: middle('unwatched'), peer: middle('ffmpeg') },
      { value: middle('unwatched'), peer: middle('ffmpegPipe') },
    ];
  });
}

/** With somebody who follows both renditions of each stream. */
async function whileWatched(server: RtmpServerProcess, streams: readonly string[], act: () => Promise<void>) {
  const leaving = new AbortController();
  using connections = new ViewerConnections(`http://127.0.0.1:${server.httpPort}`, streams.length * 4);
  const following = streams.flatMap((stream) =>
    ['video', 'audio'].map((rendition) => followRendition(connections, { stream, rendition }, leaving.signal)),
  );
  const failed = Promise.all(following).then(() => {});
  try {
    await Promise.race([act(), failed]);
  } finally {
    leaving.abort();
  }
  await failed;
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
    await whileWatched(ours, ['s0'], async () => {
      few = await settled();
      windowMiB = (await windowBytes(ours, 's0')) / mebibyte;
    });
    await add(fewStreams, manyStreams);
    let many = few;
    await whileWatched(ours, names(manyStreams), async () => {
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
