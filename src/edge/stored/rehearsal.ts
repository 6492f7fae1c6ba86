import { readFileSync } from 'node:fs';
import { type Column, packedColumn } from '../../formats/mp4-index/column.ts';
import { buildSampleTable } from '../../formats/mp4-index/sample-table.ts';
import { openStoredMedia } from '../../formats/stored-media/open.ts';
import { encodeStoredMedia, shareStoredMedia } from '../../formats/stored-media/record.ts';

/** As often as it takes until V8 has compiled the loops over the tables of a film. */
const turns = 64;

/**
 * Runs what opens a film of hours, so that it has been compiled when somebody waits for it: opens `file`, a short clip,
 * over and over, and builds tables with numbers as large as a clip has none. Throws where the file is not there.
 */
export function rehearse(file: string): void {
  const bytes = new Uint8Array(readFileSync(file));
  for (let turn = 0; turn < turns; turn++) {
    const reading = openStoredMedia(bytes.length);
    let step = reading.next();
    while (step.done !== true) step = reading.next(bytes.slice(step.value.from, step.value.to));
    shareStoredMedia(step.value);
    encodeStoredMedia(step.value);
    rehearseTable(1_024, 2 ** (4 + (turn % 24)));
  }
}

/** Of which no two have the same size, and that lies beyond what fits 32 bits. */
function rehearseTable(count: number, largestBytes: number): void {
  const each = (value: (index: number) => number) => Float64Array.from({ length: count }, (_, index) => value(index));
  const perChunk = 4;
  const chunks = count / perChunk;
  const table = buildSampleTable({
    count,
    startTicks: 0,
    durationsTicks: new Uint32Array(each((index) => 1_000 + (index % 3))),
    compositionOffsetsTicks: new Int32Array(each((index) => (index % 5) * 512 - 512)),
    sizesBytes: new Uint32Array(each((index) => (index * 7_919) % largestBytes)),
    syncs: new Uint8Array(each((index) => (index % 60 === 0 ? 1 : 0))),
    chunkOffsets: each((index) => 2 ** 32 + index * perChunk * largestBytes).subarray(0, chunks),
    chunkSamples: new Uint32Array(chunks).fill(perChunk),
    chunkDescriptions: new Uint8Array(chunks),
  });
  const walk = table.walkFrom(0);
  while (walk.nextSync(count) !== undefined);
  for (const column of Object.values<Column | number>({ ...table.columns })) {
    if (typeof column !== 'number') packedColumn(column);
  }
}
