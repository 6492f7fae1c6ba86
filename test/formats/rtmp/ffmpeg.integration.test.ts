import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FlvReader, type FlvTag } from '../../../src/formats/flv/flv-file.ts';
import { ChunkDecoder } from '../../../src/formats/rtmp/chunk-decoder.ts';
import { ChunkEncoder, chunkStreamId } from '../../../src/formats/rtmp/chunk-encoder.ts';
import { decodeCommand } from '../../../src/formats/rtmp/command.ts';
import { decodeDataMessage } from '../../../src/formats/rtmp/data-message.ts';
import { handshakeRandomBytes, ServerHandshake } from '../../../src/formats/rtmp/handshake.ts';
import { messageType, type RtmpMessage } from '../../../src/formats/rtmp/message.ts';
import { connectResultMessage, onStatusMessage, resultMessage } from '../../../src/formats/rtmp/status.ts';
import { run } from '../../support/ffmpeg.ts';
import { kept } from './kept-messages.ts';

/** Takes whatever is published and answers what a publisher waits for: only the formats are under test. */
function receive(socket: Socket): RtmpMessage[] {
  const messages: RtmpMessage[] = [];
  const handshake = new ServerHandshake(() => new Uint8Array(handshakeRandomBytes));
  const decoder = new ChunkDecoder({ maxMessageBytes: 8_388_608, maxBufferedBytes: 16_777_216, maxChunkStreams: 32 });
  const encoder = new ChunkEncoder();
  let shaken = false;
  const answer = (message: RtmpMessage): void => {
    messages.push(message);
    if (message.typeId !== messageType.commandAmf0) return;
    const { name, transactionId } = decodeCommand(message);
    const status = { level: 'status', code: 'NetStream.Publish.Start', description: '' } as const;
    const reply =
      name === 'connect'
        ? connectResultMessage(transactionId, {}, { ...status, code: 'NetConnection.Connect.Success' })
        : name === 'createStream'
          ? resultMessage(transactionId, null, 1)
          : name === 'publish'
            ? onStatusMessage(1, status)
            : undefined;
    if (reply !== undefined) socket.write(encoder.encode(reply, chunkStreamId.command));
  };
  socket.on('data', (bytes) => {
    if (typeof bytes === 'string') throw new Error('the socket decodes text');
    let rest: Uint8Array = bytes;
    if (!shaken) {
      const step = handshake.push(bytes);
      if (step.reply !== undefined) socket.write(step.reply);
      if (step.rest === undefined) return;
      shaken = true;
      rest = step.rest;
    }
    for (const message of kept(decoder.push(rest))) answer(message);
  });
  return messages;
}

const mediaOf = (items: readonly (FlvTag | RtmpMessage)[], typeId: number) =>
  items
    .filter((item) => item.typeId === typeId)
    .map(({ timestampMs, payload }) => `${timestampMs} ${Buffer.from(payload).toString('base64')}`);

describe('ChunkDecoder and ffmpeg', () => {
  it.each([
    ['from 0', 0],
    ['across 0xFFFFFF, where extended timestamps begin', 16_776],
    ['with extended timestamps from the start', 20_000],
  ])('read what ffmpeg publishes exactly as it writes it to a file, timestamps %s', async (_, offsetSeconds) => {
    const folder = await mkdtemp(join(tmpdir(), 'streamfront-rtmp-'));
    const server = createServer();
    try {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const published = once(server, 'connection').then(async ([socket]: Socket[]) => {
        if (socket === undefined) throw new Error('no socket');
        const messages = receive(socket);
        await once(socket, 'close');
        return messages;
      });
      const file = join(folder, 'clip.flv');
      const url = `rtmp://127.0.0.1:${(server.address() as AddressInfo).port}/live/test`;
      const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=3', '-f', 'lavfi', '-i', 'sine=r=44100:d=3'];
      const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
      const maps = ['-map', '0:v', '-map', '1:a', '-flags', '+global_header'];
      const output = ['-output_ts_offset', String(offsetSeconds), '-f', 'tee', `[f=flv]${file}|[f=flv]${url}`];
      const result = await run('ffmpeg', ['-nostdin', '-y', '-v', 'error', ...inputs, ...codecs, ...maps, ...output]);
      const messages = await published;
      const tags = new FlvReader({ maxTagBytes: 8_388_608 }).push(await readFile(file));

      expect(result.code).toBe(0);
      for (const typeId of [messageType.audio, messageType.video]) {
        expect(mediaOf(messages, typeId)).toStrictEqual(mediaOf(tags, typeId));
        expect(mediaOf(messages, typeId).length).toBeGreaterThan(70);
      }
      const largest = Math.max(...messages.map(({ timestampMs }) => timestampMs));
      expect(largest).toBeGreaterThanOrEqual(offsetSeconds * 1_000 + 2_900);
      const names = messages
        .filter(({ typeId }) => typeId === messageType.commandAmf0)
        .map((message) => decodeCommand(message).name);
      expect(names).toStrictEqual(expect.arrayContaining(['connect', 'createStream', 'publish', 'deleteStream']));
      const metadata = messages.find(({ typeId }) => typeId === messageType.dataAmf0);
      expect(metadata === undefined ? undefined : decodeDataMessage(metadata).name).toBe('onMetaData');
    } finally {
      server.close();
      await rm(folder, { recursive: true });
    }
  });
});
