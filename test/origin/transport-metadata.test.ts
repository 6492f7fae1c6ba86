import { expect, it } from 'vitest';
import { PublishedStream } from '../support/published-stream.ts';
import { videoTrackConfig } from '../support/sample-tracks.ts';
import { videoUnits } from '../support/synthetic-units.ts';
import { type ReadTransport, readTransport } from '../support/transport-reader.ts';

const metadataPid = 0x102;

const config = videoTrackConfig('avc');

/** Eleven seconds of pictures of one NAL unit each, with texts at these times. */
function published(live: Record<string, unknown>, saidMs: readonly number[]): PublishedStream {
  const stream = new PublishedStream(live);
  stream.start([config]);
  const left = [...saidMs];
  for (const unit of videoUnits({ seconds: 11 })) {
    for (let ms = left[0]; ms !== undefined && ms <= unit.timestampMs; ms = left[0]) {
      left.shift();
      stream.stream.pushData({ name: 'onTextData', values: [`at ${ms}`], timestampMs: ms });
    }
    stream.send([{ ...unit, data: Uint8Array.of(0, 0, 0, 3, 0x41, 1, 2) }]);
  }
  stream.stop();
  return stream;
}

/** The segments as MPEG-TS, one after the other. */
function transportOf({ packager }: PublishedStream): ReadTransport[] {
  const variant = packager.transport.variant(undefined);
  if (typeof variant === 'string') throw new Error(variant);
  let counters: ReadonlyMap<number, number> = new Map();
  return variant.main.window.segments.map(({ msn }) => {
    const read = readTransport(packager.transport.segment(variant, msn) ?? new Uint8Array(0), counters);
    expect(read.findings).toEqual([]);
    ({ counters } = read);
    return read;
  });
}

it('MPEG-TS has the timed metadata of its CMAF, announced in all segments, with counters that go on', () => {
  const segments = transportOf(published({}, [3_500, 3_700, 9_000]));
  expect(segments.length).toBeGreaterThan(4);
  for (const { streamTypes } of segments) expect(streamTypes.get(metadataPid)).toBe(0x15);
  const found = segments.flatMap(({ pes }) =>
    (pes.get(metadataPid) ?? []).map(({ ptsTicks, payload, streamId }) => {
      const text = Buffer.from(payload).toString();
      return { ms: ptsTicks / 90, streamId, head: text.slice(0, 3), said: text.slice(-7) };
    }),
  );
  // Media time begins at 10 s.
  expect(found).toEqual([
    { ms: 13_500, streamId: 0xbd, head: 'ID3', said: 'at 3500' },
    { ms: 13_700, streamId: 0xbd, head: 'ID3', said: 'at 3700' },
    { ms: 19_000, streamId: 0xbd, head: 'ID3', said: 'at 9000' },
  ]);
});

it('MPEG-TS has no stream of metadata where there is to be none', () => {
  for (const { streamTypes } of transportOf(published({ timedMetadata: [] }, [3_500]))) {
    expect([...streamTypes.values()]).toEqual([0x1b]);
  }
});
