import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/cli/system-clock.ts';
import { LiveStream } from '../../src/live/live-stream.ts';
import { OutgoingPublication } from '../../src/rtmp/outgoing-publication.ts';
import { parseRtmpUrl } from '../../src/rtmp/rtmp-url.ts';
import { eventually } from '../support/condition.ts';
import { TcpGateway } from '../support/tcp-gateway.ts';
import { aac, audioUnit, avc, videoUnit } from './sample-media.ts';
import { startTestIngest, type TestIngest } from './test-ingest.ts';

let server: TestIngest;
let gateway: TcpGateway;
let publication: OutgoingPublication;
afterEach(async () => {
  await publication.close();
  await gateway.close();
  await server.close();
});

async function open(stream: LiveStream, queueBytes: number): Promise<void> {
  server = await startTestIngest();
  gateway = await TcpGateway.to(server.port);
  publication = await OutgoingPublication.open({
    address: parseRtmpUrl(`rtmp://127.0.0.1:${gateway.port}/live/out`),
    clock: systemClock,
    signal: AbortSignal.timeout(10_000),
    queueBytes,
  });
  publication.follow(stream);
}

function published(): LiveStream {
  const stream = new LiveStream('live/in');
  stream.startPublication({ peer: 'test', encoder: undefined, startedWallMs: 0 });
  stream.setTrackConfig(avc);
  stream.setTrackConfig(aac);
  return stream;
}

const numberOf = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset).getUint32(5);

describe('OutgoingPublication', () => {
  it('begins with the last keyframe, and sends what follows as it is', async () => {
    const stream = published();
    for (let number = 0; number < 30; number++) stream.push(videoUnit(number));
    await open(stream, 4_194_304);
    stream.push(videoUnit(30));
    stream.push(audioUnit(30));
    const { units, configs } = server.followed('live/out');
    await eventually('all has arrived', () => units.length === 7);
    expect(units).toEqual([...[25, 26, 27, 28, 29, 30].map((number) => videoUnit(number)), audioUnit(30)]);
    expect(configs.map(({ codecString }) => codecString)).toEqual([avc.codecString, aac.codecString]);
    expect(publication.stats()).toMatchObject({ sentUnits: 7, droppedUnits: 0 });
  });

  it('leaves out whole GOPs while the server does not read, and goes on with a keyframe', async () => {
    const stream = published();
    await open(stream, 262_144);
    gateway.stall();
    const { units } = server.followed('live/out');
    let number = 0;
    const push = () => stream.push(videoUnit(number++, number * 40, 65_536));
    await eventually('something is left out', () => {
      for (let i = 0; i < 10; i++) push();
      return publication.stats().droppedUnits > 60;
    });
    const before = units.length;
    gateway.goOn();
    await eventually('it goes on', () => {
      push();
      return units.length > before + 100;
    });
    const numbers = units.map(({ data }) => numberOf(data));
    const afterGaps = units.filter((_, index) => index > 0 && numbers[index] !== (numbers[index - 1] ?? 0) + 1);
    expect(afterGaps.length).toBeGreaterThan(0);
    for (const unit of afterGaps) expect(unit.kind === 'video' && unit.keyframe).toBe(true);
    expect(publication.failed.aborted).toBe(false);
  });
});
