import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { encodeAmf0 } from '../../../src/formats/amf0/encode.ts';
import { Amf0EcmaArray, type Amf0Value, amf0Object } from '../../../src/formats/amf0/value.ts';
import { decodeCommand, encodeCommand } from '../../../src/formats/rtmp/command.ts';
import { decodeDataMessage, encodeDataMessage } from '../../../src/formats/rtmp/data-message.ts';
import {
  connectResultMessage,
  errorMessage,
  onStatusMessage,
  resultMessage,
} from '../../../src/formats/rtmp/status.ts';

const message = (typeId: number, payload: Uint8Array) => ({ typeId, messageStreamId: 1, timestampMs: 0, payload });
const amf3Form = (values: readonly Amf0Value[]): Uint8Array => Uint8Array.of(0, ...encodeAmf0(values));

describe('decodeCommand', () => {
  const connect = { name: 'connect', transactionId: 1, commandObject: amf0Object({ app: 'live' }), args: ['x', 2] };

  it('gives back what encodeCommand was given', () => {
    const encoded = encodeCommand(connect, 5);
    expect(encoded).toMatchObject({ typeId: 20, messageStreamId: 5, timestampMs: 0 });
    expect(decodeCommand(encoded)).toStrictEqual(connect);
  });

  it('reads the AMF3 form: a byte 0, then AMF0', () => {
    const values = ['publish', 0, null, 'demo'];
    expect(decodeCommand(message(17, amf3Form(values)))).toStrictEqual({
      name: 'publish',
      transactionId: 0,
      commandObject: null,
      args: ['demo'],
    });
  });

  it('reads a command without an object', () => {
    expect(decodeCommand(message(20, encodeAmf0(['createStream', 2])))).toStrictEqual({
      name: 'createStream',
      transactionId: 2,
      commandObject: undefined,
      args: [],
    });
  });

  it('reads the onFCPublish of ffmpeg, which is a name and nothing else', () => {
    expect(decodeCommand(message(20, encodeAmf0(['onFCPublish'])))).toStrictEqual({
      name: 'onFCPublish',
      transactionId: 0,
      commandObject: undefined,
      args: [],
    });
  });

  it.each([
    ['empty', 20, []],
    ['empty in the AMF3 form', 17, []],
    ['only the byte of the AMF3 form', 17, [0]],
    ['really AMF3', 17, [3, 2, 0, 1, 0x61]],
    ['without a name', 20, [...encodeAmf0([1, 'connect'])]],
    ['without a transaction number', 20, [...encodeAmf0(['connect', null])]],
    ['without anything but a name', 20, [...encodeAmf0(['connect'])]],
    ['cut off', 20, [...encodeAmf0(['connect', 1])].slice(0, -1)],
    ['of another type', 18, [...encodeAmf0(['connect', 1])]],
  ])('refuses a command that is %s', (_, typeId, payload) => {
    expect(() => decodeCommand(message(typeId, Uint8Array.from(payload)))).toThrow(ProtocolError);
  });

  it('puts a name of the peer into its error short and on one line', () => {
    const values = [`evil\n${'x'.repeat(1_000)}`, 'no number'];
    const decode = (): unknown => decodeCommand(message(20, encodeAmf0(values)));
    expect(decode).toThrow(/^RTMP_COMMAND: command "evil\\nx{59}…" without a transaction number/);
  });
});

describe('decodeDataMessage', () => {
  const metadata = new Amf0EcmaArray(new Map([['width', 1_920]]));

  it('gives back what encodeDataMessage was given', () => {
    const encoded = encodeDataMessage({ name: 'onMetaData', args: [metadata] }, 1, 40);
    expect(encoded).toMatchObject({ typeId: 18, messageStreamId: 1, timestampMs: 40 });
    expect(decodeDataMessage(encoded)).toStrictEqual({ name: 'onMetaData', args: [metadata] });
  });

  it('takes off @setDataFrame, with which publishers send metadata', () => {
    const encoded = encodeDataMessage({ name: '@setDataFrame', args: ['onMetaData', metadata] }, 1);
    expect(decodeDataMessage(encoded)).toStrictEqual({ name: 'onMetaData', args: [metadata] });
  });

  it('reads the AMF3 form', () => {
    const payload = amf3Form(['onTextData', null]);
    expect(decodeDataMessage(message(15, payload))).toStrictEqual({ name: 'onTextData', args: [null] });
  });

  it('refuses data without a name', () => {
    for (const values of [[], [1], ['@setDataFrame'], ['@setDataFrame', metadata]]) {
      expect(() => decodeDataMessage(message(18, encodeAmf0(values)))).toThrow(ProtocolError);
    }
  });
});

describe('answers of a server', () => {
  const status = { level: 'status', code: 'NetStream.Publish.Start', description: 'live/demo' } as const;
  const information = amf0Object(status);

  it('resultMessage writes _result on message stream 0', () => {
    const result = resultMessage(4, null, 1);
    expect(result.messageStreamId).toBe(0);
    expect(decodeCommand(result)).toStrictEqual({ name: '_result', transactionId: 4, commandObject: null, args: [1] });
  });

  it('connectResultMessage writes the properties of the server and the information', () => {
    const details = { objectEncoding: 0 };
    expect(decodeCommand(connectResultMessage(1, { capabilities: 31 }, { ...status, details }))).toStrictEqual({
      name: '_result',
      transactionId: 1,
      commandObject: amf0Object({ capabilities: 31 }),
      args: [amf0Object({ ...status, objectEncoding: 0 })],
    });
  });

  it('errorMessage writes _error', () => {
    expect(decodeCommand(errorMessage(7, status))).toStrictEqual({
      name: '_error',
      transactionId: 7,
      commandObject: null,
      args: [information],
    });
  });

  it('onStatusMessage writes onStatus on its message stream, with transaction 0', () => {
    const onStatus = onStatusMessage(3, status);
    expect(onStatus.messageStreamId).toBe(3);
    expect(decodeCommand(onStatus)).toStrictEqual({
      name: 'onStatus',
      transactionId: 0,
      commandObject: null,
      args: [information],
    });
  });
});
