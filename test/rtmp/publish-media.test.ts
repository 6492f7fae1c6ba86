import { describe, expect, it } from 'vitest';
import { amf0Object } from '../../src/formats/amf0/value.ts';
import type { AccessUnit } from '../../src/formats/media/access-unit.ts';
import { encodeDataMessage } from '../../src/formats/rtmp/data-message.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { concatenated, shortMessage, type0Chunk } from '../corpus/rtmp/hostile-input.ts';
import { eventually } from '../support/condition.ts';
import { ingestWithNeighbour } from './ingest-with-neighbour.ts';
import { tagOf } from './raw-connection.ts';
import { audioUnit, videoUnit } from './sample-media.ts';

const ingest = ingestWithNeighbour();
const { at } = ingest;

describe('media', () => {
  it('arrives on chunk streams whose ids take one, two and three bytes', async () => {
    const connection = await at('publishing', 'chunk-ids');
    connection.sendHeaders();
    const ids = [3, 63, 64, 319, 320, 65_599];
    for (const [number, id] of ids.entries()) {
      const unit = audioUnit(number);
      connection.sendMessage({ typeId: messageType.audio, timestampMs: unit.timestampMs, payload: tagOf(unit) }, id);
    }
    const { units } = ingest.server.followed('live/chunk-ids');
    await eventually('all arrived', () => units.length === ids.length);
    expect(units).toEqual(ids.map((_, number) => audioUnit(number)));
  });

  it.each([
    ['repeated in the chunks that follow, as ffmpeg writes it', true],
    ['in the first chunk only, as old librtmp writes it', false],
  ])('with an extended timestamp %s', async (how, repeated) => {
    const name = `extended-${repeated}`;
    const connection = await at('publishing', name);
    connection.sendHeaders();
    const timestamps = [0xff_ff_ff, 0x01_00_00_00, 0xff_ff_ff_f0];
    for (const timestampMs of timestamps) {
      const payload = tagOf(videoUnit(25, timestampMs, 400));
      const extended = Buffer.alloc(4);
      extended.writeUInt32BE(timestampMs);
      const first = type0Chunk(
        6,
        { timestamp: 0xff_ff_ff, length: payload.length, typeId: messageType.video, messageStreamId: 1 },
        extended,
      );
      const pieces = [first, payload.subarray(0, 128)];
      for (let from = 128; from < payload.length; from += 128) {
        pieces.push(concatenated([0xc6], repeated ? extended : [], payload.subarray(from, from + 128)));
      }
      connection.send(concatenated(...pieces));
    }
    const { units } = ingest.server.followed(`live/${name}`);
    await eventually(how, () => units.length === timestamps.length);
    expect(units).toEqual(timestamps.map((timestampMs) => videoUnit(25, timestampMs, 400)));
  });

  it('arrives whole over Set Chunk Size of 65,536, the largest that can be said, and 1', async () => {
    const connection = await at('publishing', 'chunk-sizes');
    connection.sendHeaders();
    const expected: AccessUnit[] = [];
    for (const [number, chunkBytes] of [65_536, 0x7f_ff_ff_ff, 1].entries()) {
      const unit = videoUnit(number, number * 40, 70_000);
      expected.push(unit);
      const size = Buffer.alloc(4);
      size.writeUInt32BE(chunkBytes);
      connection.send(shortMessage(messageType.setChunkSize, size));
      const payload = tagOf(unit);
      const header = {
        timestamp: unit.timestampMs,
        length: payload.length,
        typeId: messageType.video,
        messageStreamId: 1,
      };
      const pieces = [type0Chunk(6, header, payload.subarray(0, chunkBytes))];
      for (let from = chunkBytes; from < payload.length; from += chunkBytes) {
        pieces.push(Uint8Array.of(0xc6), payload.subarray(from, from + chunkBytes));
      }
      connection.send(Buffer.concat(pieces));
    }
    const { units } = ingest.server.followed('live/chunk-sizes');
    await eventually('all arrived', () => units.length === expected.length);
    expect(units).toEqual(expected);
  });

  it('has data messages beside it, in the AMF0 and in the AMF3 form: metadata, text and cues', async () => {
    const connection = await at('publishing', 'data');
    connection.sendMessage(
      encodeDataMessage({ name: '@setDataFrame', args: ['onMetaData', amf0Object({ width: 320 })] }, 1),
    );
    const text = encodeDataMessage({ name: 'onTextData', args: [amf0Object({ text: 'Grüße' })] }, 1);
    connection.sendMessage({ ...text, timestampMs: 40 });
    const cue = encodeDataMessage({ name: 'onCuePoint', args: [amf0Object({ name: 'goal' })] }, 1);
    connection.sendMessage({ ...cue, typeId: messageType.dataAmf3, payload: concatenated([0], cue.payload) });
    const { data } = ingest.server.followed('live/data');
    await eventually('all arrived', () => data.length === 3);
    expect(data.map(({ name }) => name)).toEqual(['onMetaData', 'onTextData', 'onCuePoint']);
    expect(data[1]?.timestampMs).toBe(40);
  });

  it('of a message that Abort has taken back never arrives; what follows does', async () => {
    const connection = await at('publishing', 'aborted');
    connection.sendHeaders();
    const payload = tagOf(videoUnit(1, 40, 300));
    const header = { length: payload.length, typeId: messageType.video, messageStreamId: 1 };
    connection.send(type0Chunk(9, header, payload.subarray(0, 128)));
    connection.send(shortMessage(messageType.abort, [0, 0, 0, 9]));
    connection.sendMessage({ typeId: messageType.video, timestampMs: 80, payload: tagOf(videoUnit(2)) }, 9);
    const { units } = ingest.server.followed('live/aborted');
    await eventually('the next one arrives', () => units.length > 0);
    expect(units).toEqual([videoUnit(2)]);
  });

  it('in an aggregate message arrives as single frames with times relative to it', async () => {
    const connection = await at('publishing', 'aggregate');
    connection.sendHeaders();
    const parts = [videoUnit(0, 5_000), audioUnit(1, 5_010), audioUnit(2, 5_031)];
    const payload = concatenated(
      ...parts.map((unit) => {
        const tag = tagOf(unit);
        const header = Buffer.alloc(11);
        header.writeUInt8(messageType[unit.kind], 0);
        header.writeUIntBE(tag.length, 1, 3);
        header.writeUIntBE(unit.timestampMs, 4, 3);
        return concatenated(header, tag, [0, 0, 0, 0]);
      }),
    );
    connection.sendMessage({ typeId: messageType.aggregate, timestampMs: 70_000, payload });
    const { units } = ingest.server.followed('live/aggregate');
    await eventually('all arrived', () => units.length === 3);
    expect(units.map((unit) => unit.timestampMs)).toEqual([70_000, 70_010, 70_031]);
    expect(units.map((unit) => unit.data)).toEqual(parts.map((unit) => unit.data));
  });

  it('before its sequence header is dropped with one warning; the same header twice is one configuration', async () => {
    const connection = await at('publishing', 'headers');
    for (let number = 0; number < 5; number++) connection.sendUnit(videoUnit(number));
    connection.sendHeaders();
    connection.sendHeaders();
    connection.sendUnit(videoUnit(25));
    const { units, configs } = ingest.server.followed('live/headers');
    await eventually('the first frame after the header', () => units.length > 0);
    expect(units).toEqual([videoUnit(25)]);
    expect(configs).toHaveLength(2);
    const warnings = ingest.server.log.lines.filter(
      ({ fields }) => fields['stream'] === 'live/headers' && !('code' in fields),
    );
    expect(warnings.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('of a codec that is not carried ends the publication in words for the person at the encoder', async () => {
    const connection = await at('publishing', 'vvc');
    connection.sendMessage({ typeId: messageType.video, payload: concatenated([0x90], Buffer.from('vvc1'), [1, 2]) });
    const { description } = await connection.status('NetStream.Failed');
    expect(description).toContain('vvc1 video is not taken');
    expect(description).toContain('OBS');
    await connection.serverCloses();
  });
});

describe('acknowledgements and the window', () => {
  it('come each time the window is full, with the count of all bytes received', async () => {
    const connection = await at('publishing', 'acknowledged');
    connection.sendMessage(
      { typeId: messageType.windowAcknowledgementSize, messageStreamId: 0, payload: Uint8Array.of(0, 0, 0x27, 0x10) },
      2,
    );
    connection.sendHeaders();
    const acknowledged = () =>
      connection.controls().flatMap((control) => (control.kind === 'acknowledgement' ? [control.receivedBytes] : []));
    for (let round = 1; round <= 3; round++) {
      // One write of more than a window: acknowledged once, when all of it may have come in several pieces.
      connection.sendUnit(videoUnit(round, round * 40, 25_000));
      await eventually(`acknowledgement ${round}`, () => {
        const last = acknowledged().at(-1) ?? 0;
        return connection.bytesWritten - last < 10_000;
      });
    }
    const numbers = acknowledged();
    expect(numbers.at(-1)).toBeLessThanOrEqual(connection.bytesWritten);
    for (const [index, number] of numbers.slice(1).entries()) {
      expect(number - (numbers[index] ?? 0)).toBeGreaterThanOrEqual(10_000);
    }
  });

  it('Set Peer Bandwidth is answered with the window', async () => {
    const connection = await at('connected');
    connection.sendMessage(
      { typeId: messageType.setPeerBandwidth, messageStreamId: 0, payload: Uint8Array.of(0, 0, 0x27, 0x10, 2) },
      2,
    );
    await eventually('the window', () =>
      connection
        .controls()
        .some((control) => control.kind === 'window-acknowledgement-size' && control.windowBytes === 10_000),
    );
  });

  it('commands that come too fast end the connection', async () => {
    const connection = await at('connected');
    for (let i = 0; i < 300; i++) connection.sendCommand('createStream', i, null);
    await connection.serverCloses();
    await ingest.server.warning('RTMP_TOO_MANY_COMMANDS');
  });
});
