import { expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { StoredHouse } from './stored-house.ts';

it('a stored file whose index comes slowly is waited for for longer than a live stream, and not for ever', async () => {
  await using house = await StoredHouse.open();
  const { gate, log } = house.server;
  gate.admit = (request) => {
    gate.requests.push(request);
    return new Promise(() => {});
  };
  const { connection } = await house.player();
  connection.sendCommand('play', 0, null, ['video'], 1);
  await eventually('the gate is asked', () => gate.requests.length === 1);
  house.clock.advance(64_999);
  await connection.isAnswered(1);
  expect(log.text).not.toContain('RTMP_ADMISSION_TIMEOUT');
  house.clock.advance(1);
  await connection.serverCloses();
  expect(log.text).toContain('RTMP_ADMISSION_TIMEOUT');
});
