import { withOwnData } from '../../src/base/own-copies.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import type { Amf0Value } from '../../src/formats/amf0/value.ts';
import { FlvTrackReader } from '../../src/formats/flv/track-reader.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { chunkStreamId } from '../../src/formats/rtmp/chunk-encoder.ts';
import { encodeControlMessage } from '../../src/formats/rtmp/control-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { ClientConnection } from '../../src/rtmp/client-connection.ts';

/** What came of a stored file. */
export interface PlayedFile {
  readonly units: readonly AccessUnit[];
  readonly keyframes: number;
}

const deadlineMs = 20_000;
const messageStreamId = 1;

/**
 * Plays a stored file from its beginning to its end, as fast as it comes. `url`: with the application; `fourCcs`: what
 * the player says it takes beyond what Flash players took. Rejects with what the server refuses it with.
 */
export async function playedByName(url: string, name: string, fourCcs: readonly string[]): Promise<PlayedFile> {
  const { hostname, port, pathname } = new URL(url.replace(/^rtmp/, 'http'));
  const app = pathname.slice(1);
  const properties: Record<string, Amf0Value> = fourCcs.length === 0 ? {} : { fourCcList: [...fourCcs] };
  const connection = await ClientConnection.open({
    address: { host: hostname, port: Number(port), tls: false, server: url, app, streamName: name, tcUrl: url },
    clock: systemClock,
    signal: AbortSignal.timeout(deadlineMs),
    properties,
    maxMessageBytes: 8_388_608,
  });
  try {
    await connection.call('createStream');
    const tracks = new FlvTrackReader();
    const units: AccessUnit[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    connection.receiveWith({
      onMessage: ({ typeId, timestampMs, payload }) => {
        if (typeId !== messageType.video && typeId !== messageType.audio) return;
        const events =
          typeId === messageType.video
            ? tracks.readVideo(payload, timestampMs)
            : tracks.readAudio(payload, timestampMs);
        for (const event of events) if (event.kind === 'unit') units.push(withOwnData(event.unit));
      },
      onStatus: ({ level, code, description }) => {
        if (level === 'error') reject(new Error(`${code}: ${description}`));
        else if (code === 'NetStream.Play.Stop') resolve();
      },
      onStreamEof: () => {},
    });
    const wholeFile = { kind: 'set-buffer-length', messageStreamId, bufferMs: 3_600_000 } as const;
    connection.sendMessage(encodeControlMessage({ kind: 'user-control', event: wholeFile }), chunkStreamId.control);
    connection.tell('play', messageStreamId, name);
    const ended = AbortSignal.any([connection.failed, AbortSignal.timeout(deadlineMs)]);
    ended.addEventListener('abort', () => reject(ended.reason), { once: true });
    await promise;
    return { units, keyframes: units.filter((unit) => unit.kind === 'video' && unit.keyframe).length };
  } finally {
    await connection.end();
  }
}
