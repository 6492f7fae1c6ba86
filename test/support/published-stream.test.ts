import { describe, expect, it } from 'vitest';
import { PublishedStream } from './published-stream.ts';
import { audioConfig, audioUnits, interleaved, videoConfig, videoUnits } from './synthetic-units.ts';

describe('PublishedStream.takeFindings', () => {
  it('counts every state since the last time, and keeps one of each playlist of each kind', () => {
    const published = new PublishedStream();
    published.start([videoConfig, audioConfig]);
    const kinds = [published.histories, published.iFrameHistories, published.transportHistories];
    const histories = () => kinds.flatMap((kind) => [...kind.values()]);
    published.send(interleaved(videoUnits({ seconds: 16 }), audioUnits({ seconds: 16 })));
    const first = published.takeFindings();
    expect(first.findings).toEqual([]);
    expect(first.states).toBeGreaterThan(100);
    expect(kinds.map((kind) => kind.size)).toEqual([2, 1, 2]);
    expect(histories().map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
    const run = { fromMs: 16_000, seconds: 16 };
    published.send(interleaved(videoUnits(run), audioUnits(run)));
    const seen = histories().reduce((sum, { length }) => sum + length, 0);
    expect(published.takeFindings()).toEqual({ findings: [], states: seen - 5 });
    expect(histories().map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
    published.stop();
  });
});
