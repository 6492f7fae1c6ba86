import { withOwnData } from '../../src/base/own-copies.ts';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import type { ColorInfo } from '../../src/formats/media/color-info.ts';
import type { DataMessage } from '../../src/formats/media/data-message.ts';
import type { TrackConfig } from '../../src/formats/media/track.ts';
import { StreamDirectory } from '../../src/live/stream-directory.ts';
import { type Ingest, startIngest } from '../../src/origin/ingest.ts';
import { originSchema, type OriginSettings } from '../../src/origin/settings.ts';
import type { PublishSettings } from '../../src/policy/publish-settings.ts';
import { publishRtmp } from '../../src/rtmp/rtmp-publisher.ts';
import { eventually } from '../support/condition.ts';
import { type LogLine, LogRecorder } from '../support/log-recorder.ts';
import { endlessMedia } from './sample-media.ts';

/** All that a follower of one path has seen, over all lives of the stream. */
export interface Followed {
  readonly events: ('start' | 'stop' | 'end')[];
  readonly configs: TrackConfig[];
  readonly colors: { readonly trackId: number; readonly colorInfo: ColorInfo | undefined }[];
  readonly units: AccessUnit[];
  readonly data: DataMessage[];
}

export interface TestIngest {
  readonly ingest: Ingest;
  readonly directory: StreamDirectory;
  readonly log: LogRecorder;
  readonly port: number;
  followed(path: string): Followed;
  /** Waits for the one warning with this code. */
  warning(code: string): Promise<LogLine>;
  close(): Promise<void>;
}

/** A real ingest on a free port, with a follower on every stream. */
export async function startTestIngest({
  publish = { auth: 'loopback', keys: [] },
  rtmp = {},
  rtmps,
  clock = systemClock,
  reconnectGraceMs = 60_000,
}: {
  publish?: PublishSettings;
  rtmp?: Partial<OriginSettings['rtmp']>;
  rtmps?: OriginSettings['rtmps'];
  clock?: Clock;
  reconnectGraceMs?: number;
} = {}): Promise<TestIngest> {
  const log = new LogRecorder();
  const { backup } = originSchema.parse({}).live;
  const directory = new StreamDirectory({ clock, reconnectGraceMs, maxStreams: 50, backup, log });
  const follows = new Map<string, Followed>();
  const followed = (path: string): Followed => {
    const there = follows.get(path) ?? { events: [], configs: [], colors: [], units: [], data: [] };
    follows.set(path, there);
    return there;
  };
  directory.onStream((stream) => {
    const { events, configs, colors, units, data } = followed(stream.path);
    stream.subscribe({
      onPublisherStart: () => events.push('start'),
      onTrackConfig: (config) => configs.push(config),
      onColorInfo: (trackId, colorInfo) => colors.push({ trackId, colorInfo }),
      onData: (message) => data.push(message),
      onAccessUnit: (unit) => units.push(withOwnData(unit)),
      onPublisherStop: () => events.push('stop'),
      onEnd: () => events.push('end'),
    });
  });
  const settings = originSchema.parse({});
  const ingest = await startIngest(
    {
      rtmp: { ...settings.rtmp, port: 0, ...rtmp },
      rtmps,
      publish,
    },
    { directory, clock, log },
  );
  return {
    ingest,
    directory,
    log,
    port: ingest.port,
    followed,
    warning: (code) =>
      eventually(`a warning ${code}`, () =>
        log.lines.find((line) => line.level === 'warn' && line.fields['code'] === code),
      ),
    close: async () => {
      await ingest.close();
      directory.close();
    },
  };
}

/** A well-behaved publisher on the same server, for as long as something else goes on. */
export interface Neighbour {
  /** Waits until frames that were sent from now on have arrived. */
  goesOn(): Promise<void>;
  /** Ends it; fails unless every frame that it sent has arrived, once and in order, over one unbroken publication. */
  endsWhole(): Promise<void>;
}

export async function startNeighbour(server: TestIngest): Promise<Neighbour> {
  const { source, sent } = endlessMedia();
  const stop = new AbortController();
  const { events, units } = server.followed('live/neighbour');
  const finished = publishRtmp({
    url: `rtmp://127.0.0.1:${server.port}/live/neighbour`,
    source,
    clock: systemClock,
    log: new LogRecorder(),
    signal: stop.signal,
    pacing: 'realtime',
  });
  // Looked at when it ends.
  finished.catch(() => {});
  const goesOn = async () => {
    const before = units.length;
    await eventually('the neighbour goes on', () => units.length > before);
  };
  await goesOn();
  return {
    goesOn,
    endsWhole: async () => {
      await goesOn();
      stop.abort();
      const { videoFrames, audioFrames } = await finished;
      await eventually('the neighbour has left', () => events.includes('stop'));
      if (events.join() !== 'start,stop')
        throw new Error(`the neighbour's publication was disturbed: ${events.join()}`);
      if (units.length !== videoFrames + audioFrames) {
        throw new Error(`${units.length} of the neighbour's ${videoFrames + audioFrames} frames arrived`);
      }
      for (const [index, unit] of units.entries()) {
        const original = sent[index];
        if (original === undefined || Buffer.compare(original.data, unit.data) !== 0) {
          throw new Error(`the neighbour's frame ${index} arrived changed`);
        }
      }
    },
  };
}
