import { parentPort, workerData } from 'node:worker_threads';
import { StreamFrontError } from '../../base/errors.ts';
import type { Reading, StoredMedia } from '../../formats/media/stored-media.ts';
import { openStoredMedia } from '../../formats/stored-media/open.ts';
import { encodeStoredMedia } from '../../formats/stored-media/record.ts';
import { rehearse } from './rehearsal.ts';
import type { OpeningRehearsal, OpeningReply, OpeningRequest } from './opening-messages.ts';

/*
 * A thread of its own: media files come from anywhere, and what they cost to read is up to whoever made them. The files
 * are read where `MediaOpening` is; here are only the bytes that a reading asks for.
 */

const rehearsal = workerData as OpeningRehearsal | null | undefined;
if (rehearsal) {
  try {
    rehearse(rehearsal.file);
  } catch {
    // It goes without; whoever comes first waits a little longer.
  }
}

const readings = new Map<number, Reading<StoredMedia>>();

parentPort?.on('message', (request: OpeningRequest) => {
  const reply = answer(request);
  parentPort?.postMessage(reply, reply.kind === 'opened' ? [reply.encoded.buffer] : []);
});

function answer(request: OpeningRequest): OpeningReply {
  const { job } = request;
  switch (request.kind) {
    case 'forget':
      readings.delete(job);
      return { kind: 'forgotten' };
    case 'begin': {
      const reading = openStoredMedia(request.lengthBytes);
      readings.set(job, reading);
      return advance(job, () => reading.next());
    }
    case 'bytes':
      return advance(job, () => readings.get(job)?.next(request.bytes));
  }
}

/** What is no fault of the file is a bug of ours, and ends this thread. */
function advance(job: number, next: () => ReturnType<Reading<StoredMedia>['next']> | undefined): OpeningReply {
  try {
    const step = next();
    if (step === undefined) throw new Error(`there is no reading ${job}`);
    if (step.done !== true) return { kind: 'wants', wanted: step.value };
    readings.delete(job);
    return { kind: 'opened', encoded: encodeStoredMedia(step.value) };
  } catch (error) {
    readings.delete(job);
    if (!(error instanceof StreamFrontError)) throw error;
    return { kind: 'refused', code: error.code, sentence: error.message.slice(`${error.code}: `.length) };
  }
}
