import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { messageType } from '../../src/formats/rtmp/message.ts';
import type { PublicationSink, PublishAdmission, PublishGate } from '../../src/rtmp/publish-gate.ts';
import { RtmpServer } from '../../src/rtmp/rtmp-server.ts';
import { sessionLimits } from '../../src/rtmp/session-limits.ts';
import { eventually } from '../support/condition.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { RawConnection } from './raw-connection.ts';
import { audioUnit } from './sample-media.ts';

/** A gate that answers when it is told to. */
class PatientGate implements PublishGate {
  readonly asked: AbortSignal[] = [];
  readonly events: string[] = [];
  #answer = Promise.withResolvers<PublishAdmission>();

  examine(): undefined {}

  admit(_request: object, { signal }: { readonly signal: AbortSignal }): Promise<PublishAdmission> {
    this.asked.push(signal);
    return this.#answer.promise;
  }

  say(answer: 'yes' | Error): void {
    if (answer !== 'yes') {
      this.#answer.reject(answer);
      return;
    }
    const sink: PublicationSink = {
      setTrackConfig: (config) => this.events.push(config.kind),
      setColorInfo: () => {},
      push: ({ kind, data, timestampMs }) =>
        this.events.push(`${kind} ${new DataView(data.buffer, data.byteOffset).getUint32(0)} at ${timestampMs}`),
      pushData: ({ name }) => this.events.push(name),
      nameEncoder: () => {},
      release: () => this.events.push('released'),
    };
    this.#answer.resolve({ kind: 'admitted', path: 'live/stage', sink });
  }
}

let clock: VirtualClock;
let gate: PatientGate;
let log: LogRecorder;
let server: RtmpServer;
let connection: RawConnection;

beforeEach(async () => {
  clock = new VirtualClock();
  gate = new PatientGate();
  log = new LogRecorder();
  server = await RtmpServer.listen({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 10,
    limits: sessionLimits({ maxMessageBytes: 8_388_608, handshakeTimeoutMs: 5_000, idleTimeoutMs: 20_000 }),
    gate,
    clock,
    log,
  });
  connection = await RawConnection.at('streaming', server.port);
  connection.sendCommand('publish', 5, null, ['stage', 'live'], 1);
  await eventually('the gate is asked', () => gate.asked.length === 1);
});

afterEach(async () => {
  connection.destroy();
  await server.close();
});

describe('a publication that waits for the answer of its gate', () => {
  it('has no Start, holds what the encoder sends, and delivers it in order once it is admitted', async () => {
    connection.sendHeaders();
    connection.sendUnit(audioUnit(1));
    connection.sendUnit(audioUnit(2));
    // What is read then lies where that lay.
    for (const ping of [1, 2]) await connection.isAnswered(ping);
    expect(connection.statuses().map(({ code }) => code)).toEqual(['NetConnection.Connect.Success']);
    expect(gate.events).toEqual([]);
    gate.say('yes');
    await connection.status('NetStream.Publish.Start');
    connection.sendUnit(audioUnit(3));
    await eventually('all is there', () => gate.events.length === 5);
    expect(gate.events).toEqual(['video', 'audio', 'audio 1 at 40', 'audio 2 at 80', 'audio 3 at 120']);
  });

  it('ends by its own deadline when no answer comes, and the gate is told', async () => {
    clock.advance(14_999);
    await connection.isAnswered(1);
    clock.advance(1);
    await connection.serverCloses();
    expect(server.stats().closed).toEqual({ RTMP_ADMISSION_TIMEOUT: 1 });
    expect(gate.asked[0]?.aborted).toBe(true);
  });

  it('holds one MiB and no more', async () => {
    const payload = new Uint8Array(400_000).fill(0x27);
    for (let i = 0; i < 3; i++) connection.sendMessage({ typeId: messageType.video, payload });
    await connection.serverCloses();
    expect(server.stats().closed).toEqual({ RTMP_MEDIA_BEFORE_START: 1 });
    expect(gate.asked[0]?.aborted).toBe(true);
  });

  it.each<[string, () => void]>([
    ['a reset', () => connection.reset()],
    ['the end of its connection', () => connection.end()],
    ['deleteStream', () => connection.sendCommand('deleteStream', 0, null, [1])],
    ['closeStream', () => connection.sendCommand('closeStream', 0, null, [], 1)],
    ['FCUnpublish', () => connection.sendCommand('FCUnpublish', 0, null, ['stage'])],
  ])('is given up by %s; an answer that comes later is released at once', async (_, leave) => {
    leave();
    await eventually('the gate is told', () => gate.asked[0]?.aborted);
    gate.say('yes');
    await eventually('it is released', () => gate.events.length > 0);
    expect(gate.events).toEqual(['released']);
    expect(connection.statuses().map(({ code }) => code)).not.toContain('NetStream.Publish.Start');
  });

  it('refuses a second publish on its message stream', async () => {
    connection.sendCommand('publish', 6, null, ['other', 'live'], 1);
    expect(await connection.status('NetStream.Publish.BadName')).toMatchObject({ messageStreamId: 1, level: 'error' });
    expect(gate.asked).toHaveLength(1);
  });

  it('ends its connection when the gate breaks, and says that this is a bug of ours', async () => {
    gate.say(new TypeError('a bug'));
    await connection.serverCloses();
    expect(server.stats().closed).toEqual({ INTERNAL: 1 });
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});
