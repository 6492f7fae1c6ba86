import { FfmpegFinder } from '../../../src/origin/ladder/ffmpeg-tools.ts';
import { Ladder } from '../../../src/origin/ladder/ladder.ts';
import { ffmpegSchema } from '../../../src/origin/ladder/ladder-settings.ts';
import { systemClock } from '../../../src/cli/system-clock.ts';
import { encodeLadderSource } from '../../support/ladder-source.ts';
import { LogRecorder } from '../../support/log-recorder.ts';

/** A process of its own that runs a ladder, says the process id of its ffmpeg, and waits to be killed. */
const source = await encodeLadderSource({ seconds: 2 });
const log = new LogRecorder();
const settings = ffmpegSchema.parse({ encoder: 'libx264', preset: 'ultrafast' });
const finder = new FfmpegFinder(settings, systemClock, log);
await finder.find();
const ladder = new Ladder({
  renditions: [{ name: 'low', height: 90, bitsPerSecond: undefined, framesPerSecond: undefined }],
  settings,
  finder,
  sinkOf: () => ({ onConfig: () => process.stdout.write(`${ladder.pid}\n`), onUnit: () => {}, giveUp: () => {} }),
  clock: systemClock,
  log,
  random: () => 0,
});
ladder.startRun(source.config);
await new Promise((resolve) => setImmediate(resolve));
for (const unit of source.units) ladder.push(unit);
setTimeout(() => process.exit(1), 30_000);
