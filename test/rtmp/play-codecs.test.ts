import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Amf0Value, amf0Object } from '../../src/formats/amf0/value.ts';
import { messageType } from '../../src/formats/rtmp/message.ts';
import { eventually } from '../support/condition.ts';
import { grantedLease } from '../support/granted-lease.ts';
import { LiveHouse } from '../support/live-relay.ts';
import { audioTrackConfig, videoTrackConfig } from '../support/sample-tracks.ts';
import { RawConnection } from './raw-connection.ts';
import { audioUnit, videoUnit } from './sample-media.ts';

let house: LiveHouse;
let origin: Awaited<ReturnType<LiveHouse['origin']>>;
let edge: Awaited<ReturnType<LiveHouse['edge']>>;

beforeEach(async () => {
  house = new LiveHouse();
  origin = await house.origin();
  edge = await house.edge([origin.rtmpPort]);
});

afterEach(async () => {
  await house[Symbol.asyncDispose]();
});

/** HEVC and AAC as track 0, and a second track of AAC. Returns how to send the frames with these numbers. */
function publishHevc(): (from: number, to: number) => void {
  const configs = [videoTrackConfig('hevc'), audioTrackConfig('aac'), audioTrackConfig('aac', 1)];
  const lease = grantedLease(origin.directory, { path: 'live/hevc', configs });
  return (from, to) => {
    for (let number = from; number < to; number++) {
      lease.push(videoUnit(number));
      lease.push({ ...audioUnit(100 + number, number * 40), trackId: 1 });
      lease.push(audioUnit(number));
    }
  };
}

/** The first bytes of what a player gets that says this of itself in `connect`, each once. */
async function firstBytes(port: number, announced: Record<string, Amf0Value>): Promise<string[]> {
  const send = publishHevc();
  send(0, 5);
  const player = await RawConnection.at('handshaken', port);
  house.defer(() => player.destroy());
  const properties = { app: 'live', tcUrl: `rtmp://127.0.0.1:${port}/live`, ...announced };
  player.sendCommand('connect', 1, amf0Object(properties));
  await player.status('NetConnection.Connect.Success');
  await player.createStream();
  player.sendCommand('play', 0, null, ['hevc', -1], 1);
  await player.status('NetStream.Play.Start');
  // Sound alone begins with what comes next.
  send(5, 10);
  const media = () =>
    player.messages
      .map(({ message }) => message)
      .filter(({ typeId }) => typeId === messageType.video || typeId === messageType.audio);
  await eventually('the last sound', () => media().some(({ timestampMs }) => timestampMs === 360));
  await player.isAnswered(1);
  return [...new Set(media().map(({ typeId, payload }) => `${typeId}: ${(payload[0] ?? 0).toString(16)}`))].sort();
}

const video = { legacy: /^9: [12]7$/, enhanced: /^9: [89ab]/ };
const audio = { legacy: /^8: a/, enhanced: /^8: 9/ };
const some = (bytes: readonly string[], pattern: RegExp) => bytes.some((byte) => pattern.test(byte));

describe.each(['origin', 'edge'] as const)('a player at an %s', (role) => {
  const portOf = () => (role === 'origin' ? origin : edge).rtmpPort;

  it('that announces nothing gets the first sound alone, in the form that every player understands', async () => {
    const bytes = await firstBytes(portOf(), {});
    expect(bytes).toEqual(['8: af']);
  });

  it('that announces HEVC gets it, and only the first track of each kind', async () => {
    const bytes = await firstBytes(portOf(), { fourCcList: ['hvc1'] });
    expect(some(bytes, video.enhanced)).toBe(true);
    expect(some(bytes, audio.legacy)).toBe(true);
    expect(some(bytes, audio.enhanced)).toBe(false);
  });

  it('that announces another codec gets no picture', async () => {
    const bytes = await firstBytes(portOf(), { fourCcList: ['av01'] });
    expect(some(bytes, video.enhanced) || some(bytes, video.legacy)).toBe(false);
  });

  it('that takes everything gets all tracks', async () => {
    const bytes = await firstBytes(portOf(), { fourCcList: ['*'], capsEx: 2 });
    expect(some(bytes, video.enhanced)).toBe(true);
    expect(some(bytes, audio.legacy)).toBe(true);
    expect(some(bytes, audio.enhanced)).toBe(true);
  });
});
