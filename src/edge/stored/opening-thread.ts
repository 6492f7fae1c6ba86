import { parentPort, workerData } from 'node:worker_threads';
import { StreamFrontError } from '../../base/errors.ts';
import type { Reading, StoredMedia } from '../../formats/media/stored-media.ts';
import { openStoredMedia } from '../../formats/stored-media/open.ts';
import { encodeStoredMedia, shareStoredMedia } from '../../formats/stored-media/record.ts';
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
/** To be encoded. */
const opened = new Map<number, StoredMedia>();

parentPort?.on('message', (request: OpeningRequest) => {
  const reply = answer(request);
  parentPort?.postMessage(reply, movedWith(reply));
});

function movedWith(reply: OpeningReply): ArrayBuffer[] {
  if (reply.kind === 'opened') return [reply.shared.record.buffer];
  return reply.kind === 'encoded' ? [reply.encoded.buffer] : [];
}

function answer(request: OpeningRequest): OpeningReply {
  const { job } = request;
  switch (request.kind) {
    case 'forget':
      readings.delete(job);
      return { kind: 'forgotten' };
    case 'encode': {
      const media = opened.get(job);
      opened.delete(job);
      if (media === undefined) throw new Error(`there is nothing opened by ${job}`);
      return { kind: 'encoded', encoded: encodeStoredMedia(media) };
    }
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
    const shared = shareStoredMedia(step.value);
    opened.set(job, step.value);
    return { kind: 'opened', shared };
  } catch (error) {
    readings.delete(job);
    if (!(error instanceof StreamFrontError)) throw error;
    return { kind: 'refused', code: error.code, sentence: error.message.slice(`${error.code}: `.length) };
  }
}
