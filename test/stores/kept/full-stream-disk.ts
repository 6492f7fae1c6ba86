import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StreamFiles } from '../../../src/stores/kept/stream-files.ts';
import { LogRecorder } from '../../support/log-recorder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { keptSegment } from './kept-segment.ts';

/** On a file system of 1 MiB: the disk fills up, and has room again. */
const parent = process.argv[2] ?? '';
const folder = join(parent, 'e1');
const clock = new VirtualClock();
const log = new LogRecorder();
const files = new StreamFiles({ folder, clock, log });

function write(msn: number): void {
  files.writeSegment('video', keptSegment(msn, 200_000));
  files.writeState({ msn });
}

writeFileSync(join(parent, 'filler'), new Uint8Array(500_000));
for (let msn = 0; msn < 6; msn++) write(msn);
await files.idle();
assert.equal(log.lines.filter(({ fields }) => fields['code'] === 'LIVE_KEEP_FAILED').length, 1);
assert.equal(existsSync(join(folder, 'stream.json')), false);

rmSync(join(parent, 'filler'));
clock.advance(30_000);
write(6);
await files.idle();
assert.ok(readdirSync(folder).includes('stream.json'));
assert.ok(readdirSync(folder).includes('video.6.segment'));
