import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokenAmf0 } from '../corpus/rtmp/broken-amf0.ts';
import { brokenChunks } from '../corpus/rtmp/broken-chunks.ts';
import { brokenEnhanced } from '../corpus/rtmp/broken-enhanced.ts';
import type { HostileInput } from '../corpus/rtmp/hostile-input.ts';
import { misplacedMedia } from '../corpus/rtmp/misplaced-media.ts';
import { noRtmpAtAll } from '../corpus/rtmp/no-rtmp-at-all.ts';
import { eventually } from '../support/condition.ts';
import { RawConnection } from './raw-connection.ts';
import { type Neighbour, startNeighbour, startTestIngest, type TestIngest } from './test-ingest.ts';

const groups: [string, readonly HostileInput[]][] = [
  ['what is no RTMP at all', noRtmpAtAll],
  ['broken chunks', brokenChunks],
  ['broken AMF0', brokenAmf0],
  ['misplaced media', misplacedMedia],
  ['broken Enhanced RTMP', brokenEnhanced],
];

let server: TestIngest;
let neighbour: Neighbour;

beforeAll(async () => {
  server = await startTestIngest({ rtmp: { maxMessageBytes: 131_072 } });
  neighbour = await startNeighbour(server);
});

afterAll(async () => {
  try {
    await neighbour.endsWhole();
  } finally {
    await server.close();
  }
});

describe.each(groups)('the ingest survives %s', (_, inputs) => {
  it.each(inputs.map((input) => [input.name, input] as const))('%s', async (_, { stage, bytes, ends }) => {
    const connection = await RawConnection.at(stage, server.port);
    const peer = `127.0.0.1:${connection.port}`;
    // An earlier connection may have had the same port.
    const linesBefore = server.log.lines.length;
    const linesOfPeer = () => server.log.lines.slice(linesBefore).filter((line) => line.fields['peer'] === peer);
    const problems = () => linesOfPeer().filter((line) => line.level === 'warn' || line.level === 'error');
    const closedBefore = server.ingest.stats().closed[ends] ?? 0;
    connection.send(bytes());
    if (ends === 'survives') {
      await connection.isAnswered(4_711);
      expect(problems()).toEqual([]);
      connection.destroy();
      await eventually('the server has noticed', () => server.ingest.stats().connections === 1);
    } else {
      await connection.serverCloses();
      expect(problems()).toHaveLength(1);
      expect(problems()[0]).toMatchObject({ level: 'warn', fields: { code: ends, peer } });
      expect(problems()[0]?.message).toMatch(new RegExp(`^${ends}: `));
      // What is wrong with bytes, the log says of which byte.
      if (/^(?:AMF|TRUNCATED|RTMP_CHUNK_HEADER)/.test(ends)) expect(problems()[0]?.message).toMatch(/at byte \d+/);
      if (stage === 'publishing') {
        expect(problems()[0]?.fields['stream']).toBe('live/hostile');
        expect(connection.statuses().at(-1)).toMatchObject({ level: 'error', code: 'NetStream.Failed' });
      }
      expect(server.ingest.stats().closed[ends]).toBe(closedBefore + 1);
    }
    expect(server.followed('live/hostile').units).toEqual([]);
    expect(server.directory.get('live/hostile')?.publication).toBeUndefined();
    await neighbour.goesOn();
  });
});
